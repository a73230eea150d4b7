//! One binary for all integration tests.

mod broken;
mod cli;
mod contract;
mod differential;
mod files;
mod holdout;
mod hostile;
mod laws;
mod licences;
mod plain;
mod published;
mod real;
mod shapes;
mod support;
mod tidy;
