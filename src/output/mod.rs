//! Everything that leaves the program: tables, manifest, model, report and evaluation; staged, re-read and published.

pub mod evaluation;
pub mod manifest;
pub mod overview;
pub mod publish;
pub mod rejects;
pub mod report;
mod row_groups;
