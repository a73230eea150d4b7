//! One binary for all integration tests.

mod laws;
mod licences;
mod published;
mod real;
mod tidy;
