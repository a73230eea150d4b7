#![doc = include_str!("../README.md")]

pub mod diagnostics;
pub mod schema;
pub mod units;

pub mod spill;

pub mod load;

pub mod clean;

pub mod summary;

pub mod gates;

pub mod quality;

pub mod rfm;

pub mod clv;

pub mod cluster;

pub mod contributors;

pub mod basket;

pub mod customers;

pub mod results;

pub mod output;

pub mod generate;

#[cfg(feature = "spark")]
pub mod spark;

pub mod config;

pub mod error;

pub mod pipeline;

pub mod cli;
