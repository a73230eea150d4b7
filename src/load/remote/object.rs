//! One version of one object: its bytes in ranges, or all of them.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes as Buffer;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};

use super::chunks::Ranged;
use super::store::{Link, Started};
use super::{Cause, Error, WINDOW, cause_error};
use crate::load::spool::Bytes;

/// An object up to this size is fetched whole, whatever it is.
const SMALL: u64 = 1 << 20;
/// Parts of one object on their way.
const IN_FLIGHT: usize = 4;
/// Ranges so near to each other are fetched together.
const GAP: u64 = 256 << 10;

/// An object of the version that was seen first.
#[derive(Clone)]
pub struct Object {
    link: Link,
    bucket: Arc<str>,
    meta: ObjectMeta,
}

impl Object {
    pub fn new(link: &Link, bucket: &str, mut meta: ObjectMeta) -> Self {
        // A weak tag matches nothing.
        meta.e_tag = meta.e_tag.filter(|tag| !tag.starts_with("W/"));
        Self {
            link: link.clone(),
            bucket: bucket.into(),
            meta,
        }
    }

    pub fn key(&self) -> &str {
        self.meta.location.as_ref()
    }

    /// As the user would name it.
    pub fn shown(&self) -> PathBuf {
        PathBuf::from(format!("s3://{}/{}", self.bucket, self.key()))
    }

    pub fn length(&self) -> u64 {
        self.meta.size
    }

    pub fn is_empty(&self) -> bool {
        self.meta.size == 0
    }

    /// What tells this version from others; for the manifest.
    pub fn version(&self) -> String {
        match &self.meta.e_tag {
            Some(tag) => format!("etag:{}", tag.trim_matches('"')),
            None => format!("modified:{}", self.meta.last_modified.format("%Y-%m-%dT%H:%M:%SZ")),
        }
    }

    pub fn error(&self, cause: Cause) -> Error {
        cause_error(&self.shown().to_string_lossy(), cause)
    }

    /// Its bytes: of Parquet by ranges where they lie, of everything else as a copy.
    pub fn open(&self) -> Result<Bytes, Error> {
        let start = 0..self.length().min(SMALL);
        let start = if start.is_empty() {
            Buffer::new()
        } else {
            let fetched = self.fetch(vec![start]).wait();
            let fetched = fetched.map_err(|cause| self.error(cause))?;
            fetched.into_iter().next().unwrap_or_default()
        };
        if start.starts_with(b"PAR1") && (start.len() as u64) < self.length() {
            return Ok(Bytes::ranged(
                &self.shown(),
                Ranged::new(self.clone(), start.slice(..8)),
            ));
        }
        let mut failure = None;
        let copy = Bytes::copy::<io::Error>(&self.shown(), |into| {
            into.write_all(&start)?;
            self.copy_rest(start.len() as u64, into, &mut failure)
        });
        copy.map_err(|source| match failure {
            Some(cause) => self.error(cause),
            None => Error::Io {
                path: self.shown(),
                source,
            },
        })
    }

    fn copy_rest(&self, from: u64, into: &mut dyn Write, failure: &mut Option<Cause>) -> io::Result<()> {
        let mut starts = (from..self.length()).step_by(WINDOW as usize);
        let mut on_their_way = VecDeque::new();
        loop {
            while on_their_way.len() < IN_FLIGHT {
                let Some(start) = starts.next() else { break };
                let range = start..self.length().min(start + WINDOW);
                on_their_way.push_back(self.fetch(vec![range]));
            }
            let Some(first) = on_their_way.pop_front() else {
                return Ok(());
            };
            match first.wait() {
                Ok(parts) => parts.iter().try_for_each(|part| into.write_all(part))?,
                Err(cause) => {
                    *failure = Some(cause);
                    return Err(io::ErrorKind::Other.into());
                }
            }
        }
    }

    /// Starts to fetch ranges, none of which is longer than `WINDOW` unless it must be.
    pub fn fetch(&self, ranges: Vec<Range<u64>>) -> Started<Vec<Buffer>> {
        let joined = join(&ranges);
        let gets: Vec<_> = joined.iter().map(|range| self.get(range.clone())).collect();
        self.link.start(async move {
            let gets: Vec<_> = gets.into_iter().map(tokio::spawn).collect();
            let mut fetched = Vec::with_capacity(gets.len());
            for get in gets {
                fetched.push(get.await??);
            }
            let part = |range: &Range<u64>| {
                let at = joined.partition_point(|joined| joined.start <= range.start) - 1;
                let start = (range.start - joined[at].start) as usize;
                fetched[at].slice(start..start + (range.end - range.start) as usize)
            };
            Ok(ranges.iter().map(part).collect())
        })
    }

    fn get(
        &self,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Buffer, object_store::Error>> + Send + 'static + use<> {
        let Self { link, meta, .. } = self;
        let (client, meta) = (link.client.clone(), meta.clone());
        async move {
            let length = (range.end - range.start) as usize;
            let options = GetOptions {
                range: Some(GetRange::Bounded(range)),
                if_unmodified_since: meta.e_tag.is_none().then_some(meta.last_modified),
                if_match: meta.e_tag.clone(),
                ..GetOptions::default()
            };
            let changed = || object_store::Error::Precondition {
                path: meta.location.to_string(),
                source: "another version".into(),
            };
            let answer = match client.get_opts(&meta.location, options).await {
                // It was there before.
                Err(object_store::Error::NotFound { .. }) => return Err(changed()),
                answer => answer?,
            };
            // A server may not know the condition.
            let (now, then) = (&answer.meta.e_tag, &meta.e_tag);
            let is_other = now.is_some() && then.is_some() && now != then;
            if is_other || answer.meta.size != meta.size {
                return Err(changed());
            }
            let buffer = answer.bytes().await?;
            if buffer.len() != length {
                return Err(changed());
            }
            Ok(buffer)
        }
    }
}

/// The ranges in order, those near to each other as one, none over [`WINDOW`] that was not before.
fn join(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match joined.last_mut() {
            Some(last)
                if range.end <= last.end || range.start <= last.end + GAP && range.end - last.start <= WINDOW =>
            {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use object_store::memory::InMemory;
    use object_store::{ObjectStoreExt, PutPayload};

    /// An object of a store in memory, and what replaces it.
    pub fn stored(bytes: &[u8]) -> (Object, impl Fn(&[u8])) {
        let client = Arc::new(InMemory::new());
        let link = Link::new(client.clone(), "memory").unwrap();
        let place = object_store::path::Path::from("folder/a");
        let put = {
            let (link, place) = (link.clone(), place.clone());
            move |bytes: &[u8]| {
                let (client, place, payload) = (client.clone(), place.clone(), PutPayload::from(bytes.to_vec()));
                link.start(async move { client.put(&place, payload).await.map(drop) })
                    .wait()
                    .unwrap();
            }
        };
        put(bytes);
        let client = link.client.clone();
        let meta = link.start(async move { client.head(&place).await }).wait().unwrap();
        (Object::new(&link, "bucket", meta), put)
    }

    #[test]
    fn ranges_near_to_each_other_are_one_request() {
        let far = 10 * WINDOW;
        let ranges = [far..far + 10, 0..10, 20..30, 5..8, 20..30];
        assert_eq!(join(&ranges), [0..30, far..far + 10]);
        assert_eq!(join(&[0..WINDOW, WINDOW..2 * WINDOW]).len(), 2);
        assert_eq!(
            join(&[0..3 * WINDOW, 5..9, far..far + 1]),
            [0..3 * WINDOW, far..far + 1]
        );
        assert_eq!(join(&[0..1, 1 + GAP..2 + GAP]).len(), 1);
        assert_eq!(join(&[0..1, 2 + GAP..3 + GAP]).len(), 2);
    }

    #[test]
    fn fetched_ranges_are_those_that_were_asked_for() {
        let all: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        let (object, _) = stored(&all);
        let ranges = vec![2_999_990..3_000_000, 0..5, 400_000..900_000, 3..8, 0..5];
        let fetched = object.fetch(ranges.clone()).wait().unwrap();
        for (range, part) in ranges.into_iter().zip(fetched) {
            assert!(part[..] == all[range.start as usize..range.end as usize], "{range:?}");
        }
    }

    #[test]
    fn what_is_no_large_parquet_is_copied() {
        for length in [0, 1, SMALL, SMALL + 1, SMALL + IN_FLIGHT as u64 * WINDOW + 17] {
            let all: Vec<u8> = (0..length).map(|i| (i % 253) as u8).collect();
            let (object, _) = stored(&all);
            let bytes = object.open().unwrap();
            assert!(std::fs::read(bytes.path()).unwrap() == all, "{length}");
            assert_eq!(bytes.shown, PathBuf::from("s3://bucket/folder/a"));
        }
    }

    #[test]
    fn a_replaced_object_is_an_error_and_not_a_mixture() {
        let (object, put) = stored(&[1; 100]);
        put(&[2; 100]);
        assert_eq!(object.fetch(vec![0..10, 20..30]).wait().unwrap_err(), Cause::Changed);
        assert!(matches!(object.open(), Err(Error::Changed { .. })));
    }
}
