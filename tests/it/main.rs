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
mod mess;
mod plain;
mod published;
mod real;
mod remote;
mod shapes;
mod simulate;
mod stage;
mod support;
mod tidy;
mod truth;
