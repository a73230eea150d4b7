//! What stands for the objects in a build without the feature `s3`: types of which there is nothing.

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes as Buffer;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::{Cause, Error, Place, cause_error};
use crate::load::spool::Bytes;

#[derive(Clone)]
pub enum Object {}

impl Object {
    pub fn shown(&self) -> PathBuf {
        match *self {}
    }

    pub fn key(&self) -> &str {
        match *self {}
    }

    pub fn is_empty(&self) -> bool {
        match *self {}
    }

    pub fn open(&self) -> Result<Bytes, Error> {
        match *self {}
    }
}

#[derive(Clone, Debug)]
pub enum Ranged {}

impl Ranged {
    pub fn length(&self) -> u64 {
        match *self {}
    }

    pub fn start(&self) -> &[u8] {
        match *self {}
    }

    pub fn version(&self) -> String {
        match *self {}
    }

    pub fn failure(&self) -> Option<Error> {
        match *self {}
    }

    pub fn sparse(&self, _parts: Vec<Range<u64>>, _n_at_once: usize) -> Chunks {
        match *self {}
    }

    pub fn group(&self, _group: usize, _parts: impl FnOnce() -> Vec<Range<u64>>) -> Chunks {
        match *self {}
    }

    pub fn fetch_ahead(&self, _group: usize, _parts: Vec<Range<u64>>) {
        match *self {}
    }
}

/// Not seen to be empty from outside, or the compiler would call what handles it unreachable.
pub struct Chunks(Ranged);

impl Length for Chunks {
    fn len(&self) -> u64 {
        match self.0 {}
    }
}

impl ChunkReader for Chunks {
    type T = io::Empty;

    fn get_read(&self, _start: u64) -> Result<io::Empty, ParquetError> {
        match self.0 {}
    }

    fn get_bytes(&self, _start: u64, _length: usize) -> Result<Buffer, ParquetError> {
        match self.0 {}
    }
}

/// Every use is refused.
#[derive(Default)]
pub struct Stores {}

impl Stores {
    pub fn find(&mut self, place: &Place) -> Result<Option<Object>, Error> {
        Err(cause_error(&place.url(), Cause::NotBuilt))
    }

    pub fn list(&mut self, place: &Place, _prefix: &str) -> Result<Vec<Object>, Error> {
        Err(cause_error(&place.url(), Cause::NotBuilt))
    }
}
