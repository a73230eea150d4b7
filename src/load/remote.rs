//! Input from an S3-compatible object store: `s3://bucket/key`, folders and globs.
//!
//! In: what the user named. Out: the objects behind it, and [`Bytes`](super::spool::Bytes) of one of them. A large
//! Parquet object is read in place: its footer, then the byte ranges of the columns that are needed. Everything else
//! is fetched to a temporary file, in parts side by side, and read as a local file. Every request but the listing asks
//! for the version that was seen first, so that an object that is replaced meanwhile is an error and never a mixture.
//! Cost: one request for each thousand names, three or four for each object, one for each 4 MiB of a column (a
//! window); memory is at most two windows for each column that is read, thread and row group fetched ahead.
//! Settings and credentials come from the environment (`AWS_*`), as other programs read them. With the feature `s3`
//! off, the names are understood and refused.

#[cfg(feature = "s3")]
mod chunks;
#[cfg(feature = "s3")]
mod object;
#[cfg(feature = "s3")]
mod store;

#[cfg(not(feature = "s3"))]
mod absent;

use std::path::PathBuf;

#[cfg(not(feature = "s3"))]
pub use absent::{Chunks, Object, Ranged, Stores};
#[cfg(feature = "s3")]
pub use chunks::{Chunks, Ranged};
#[cfg(feature = "s3")]
pub use object::Object;
#[cfg(feature = "s3")]
pub use store::Stores;

use super::Error;

/// The most that is fetched with one request.
#[cfg(feature = "s3")]
const WINDOW: u64 = 4 << 20;

/// The end of a Parquet object that is fetched first; most footers fit.
pub const FOOTER: u64 = 128 << 10;

/// A place in an object store, as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub bucket: String,
    /// Without a slash at the start; of a folder perhaps with one at the end.
    pub key: String,
}

impl Place {
    /// `None` for a path of this machine.
    pub fn of(path: &str) -> Option<Result<Self, Error>> {
        let (scheme, rest) = path.split_once("://")?;
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || c == '+';
        if scheme.is_empty() || !scheme.chars().all(is_scheme) {
            return None;
        }
        let error = |cause| Some(Err(cause_error(path, cause)));
        if !["s3", "s3a", "s3n"].contains(&scheme.to_ascii_lowercase().as_str()) {
            let scheme = scheme.to_owned();
            return error(Cause::Scheme { scheme });
        }
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return error(Cause::NoBucketName);
        }
        Some(Ok(Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        }))
    }

    /// As it is shown, whatever way it was written.
    pub fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    pub fn error(&self, cause: Cause) -> Error {
        cause_error(&self.url(), cause)
    }
}

/// Why an object cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    #[error("this quintile was built without the feature s3")]
    NotBuilt,
    #[error("{scheme}:// is nothing that quintile reads")]
    Scheme { scheme: String },
    #[error("it names no bucket")]
    NoBucketName,
    #[error("the settings of the object store cannot be used: {why}")]
    Settings { why: String },
    #[error("there are no credentials")]
    NoCredentials,
    #[error("the credentials are refused ({code})")]
    Credentials { code: String },
    #[error("these credentials may not read it ({code})")]
    NoPermission { code: String },
    #[error("there is no such bucket")]
    NoBucket,
    #[error("there is no such object and no such folder")]
    NoObject,
    #[error("the bucket is in another region ({code})")]
    Region { code: String },
    #[error("{endpoint} cannot be reached: {why}")]
    Unreachable { endpoint: String, why: String },
    /// Another version than the one that was seen first.
    #[error("it was replaced while it was read")]
    Changed,
    #[error("the object store answers: {why}")]
    Other { why: String },
}

impl Cause {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotBuilt | Self::Scheme { .. } | Self::NoBucketName | Self::Settings { .. } => 2,
            Self::NoCredentials
            | Self::Credentials { .. }
            | Self::NoPermission { .. }
            | Self::NoBucket
            | Self::NoObject
            | Self::Region { .. }
            | Self::Unreachable { .. }
            | Self::Changed
            | Self::Other { .. } => 3,
        }
    }

    pub fn hint(&self) -> String {
        match self {
            Self::NotBuilt => "build it with `cargo build --release --features s3`, or fetch the files first".into(),
            Self::Scheme { .. } => "name s3://BUCKET/KEY, or fetch the files first and name them".into(),
            Self::NoBucketName => "write it as s3://BUCKET/FOLDER or s3://BUCKET/FOLDER/*.parquet".into(),
            Self::Settings { why } if why.contains("scheme is not allowed") => {
                "set AWS_ALLOW_HTTP=true if the endpoint has no TLS".into()
            }
            Self::Settings { .. } => "check the environment variables that begin with AWS_".into(),
            Self::NoCredentials => "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (`aws configure \
                 export-credentials --format env` prints those of a profile), or AWS_SKIP_SIGNATURE=true for a public \
                 bucket"
                .into(),
            Self::Credentials { code } if code.contains("Expired") => {
                "they have expired: get new ones, AWS_SESSION_TOKEN included".into()
            }
            Self::Credentials { code } if code.contains("TimeTooSkewed") => "set the clock of this machine".into(),
            Self::Credentials { .. } => {
                "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that they are of this endpoint"
                    .into()
            }
            Self::NoPermission { .. } => {
                "reading needs s3:GetObject on the objects, and s3:ListBucket on the bucket for folders and globs".into()
            }
            Self::NoBucket => "check the name of the bucket, and AWS_ENDPOINT_URL if it is not at Amazon".into(),
            Self::NoObject => {
                "check the name; globs such as 's3://bucket/sales/*.csv' work too, in quotes".into()
            }
            Self::Region { .. } => "set AWS_REGION to the region of the bucket".into(),
            Self::Unreachable { .. } => "check AWS_ENDPOINT_URL, AWS_REGION and the network".into(),
            Self::Changed => "run again when the export that writes it is done".into(),
            Self::Other { .. } => "try again; if it stays, fetch the files first and name them".into(),
        }
    }
}

/// The error of what is shown under this name.
fn cause_error(url: &str, cause: Cause) -> Error {
    match cause {
        Cause::Changed => Error::Changed {
            path: PathBuf::from(url),
        },
        cause => Error::Remote {
            url: url.to_owned(),
            cause,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_from_paths() {
        let place = |text: &str| Place::of(text).map(|place| place.map(|place| (place.bucket, place.key)));
        let is = |text: &str, bucket: &str, key: &str| {
            let place = place(text).unwrap().unwrap();
            assert_eq!((place.0.as_str(), place.1.as_str()), (bucket, key), "{text}");
        };
        is("s3://sales/2024/a.csv", "sales", "2024/a.csv");
        is("s3a://sales/", "sales", "");
        is("S3://sales", "sales", "");
        is("s3://sales/region=a b/*.parquet", "sales", "region=a b/*.parquet");
        for path in ["sales.csv", "s3/a.csv", "/tmp/a://b", "://", "a b://c"] {
            assert!(place(path).is_none(), "{path}");
        }
        for (text, code) in [("s3:///a.csv", 2), ("gs://sales/a.csv", 2), ("https://a.b/c.csv", 2)] {
            assert_eq!(place(text).unwrap().unwrap_err().exit_code(), code, "{text}");
        }
    }
}
