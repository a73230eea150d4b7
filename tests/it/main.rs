//! One binary for all integration tests.

mod broken;
mod cli;
mod contract;
mod coverage;
mod differential;
mod files;
mod holdout;
mod hostile;
mod laws;
mod licences;
mod lifetime;
mod plain;
mod published;
mod real;
mod shapes;
mod simulate;
mod support;
mod tidy;
