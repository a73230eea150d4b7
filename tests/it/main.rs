//! One binary for all integration tests.

mod cli;
mod contract;
mod differential;
mod hostile;
mod laws;
mod licences;
mod plain;
mod published;
mod real;
mod support;
mod tidy;
