//! Buckets: connecting, finding and listing objects, and what the errors of a store mean.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, GetOptions, GetRange, ObjectMeta, ObjectStore, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use super::object::Object;
use super::{Cause, Error, Place, cause_error};

/// Threads that move bytes; decoding is done elsewhere.
const THREADS: usize = 2;
/// About five seconds of waiting between them.
const MAX_RETRIES: usize = 5;
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

/// A runtime that does not wait for what nobody wants any more.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What is needed to ask one bucket for objects.
#[derive(Clone)]
pub struct Link {
    threads: Arc<Threads>,
    pub client: Arc<dyn ObjectStore>,
    /// As it is named when it cannot be reached.
    pub endpoint: Arc<str>,
}

impl Link {
    pub fn new(client: Arc<dyn ObjectStore>, endpoint: &str) -> Result<Self, Cause> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("s3")
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| Cause::Other { why: error.to_string() })?;
        Ok(Self {
            threads: Arc::new(Threads(Some(runtime))),
            client,
            endpoint: endpoint.into(),
        })
    }

    /// Starts work beside this thread.
    pub fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, object_store::Error>> + Send + 'static,
    ) -> Started<T> {
        Started {
            link: self.clone(),
            task: self.threads.0.as_ref().map(|runtime| runtime.spawn(work)),
        }
    }
}

/// Work that was started; given up when it is dropped.
pub struct Started<T> {
    link: Link,
    task: Option<tokio::task::JoinHandle<Result<T, object_store::Error>>>,
}

impl<T> Started<T> {
    pub fn wait(mut self) -> Result<T, Cause> {
        let (Some(runtime), Some(task)) = (self.link.threads.0.as_ref(), self.task.take()) else {
            let why = "the connection is closed".to_owned();
            return Err(Cause::Other { why });
        };
        match runtime.block_on(task) {
            Ok(result) => result.map_err(|error| cause_of(&error, &self.link.endpoint)),
            Err(error) => Err(Cause::Other { why: error.to_string() }),
        }
    }
}

impl<T> Drop for Started<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The buckets of a run.
#[derive(Default)]
pub struct Stores {
    buckets: BTreeMap<String, Bucket>,
}

#[derive(Clone)]
struct Bucket {
    link: Link,
    pages: Arc<dyn PaginatedListStore>,
}

impl Stores {
    /// The object of exactly this name.
    pub fn find(&mut self, place: &Place) -> Result<Option<Object>, Error> {
        let bucket = self.bucket(place)?;
        let Ok(path) = Path::parse(&place.key) else {
            return Ok(None);
        };
        if path.as_ref() != place.key || place.key.is_empty() {
            return Ok(None);
        }
        // A GET says why it is refused, a HEAD does not.
        let options = GetOptions {
            range: Some(GetRange::Bounded(0..1)),
            ..GetOptions::default()
        };
        let meta = match meta(&bucket.link, &path, options) {
            // There is no first byte of nothing.
            Err(Cause::Other { why }) if why.starts_with("416") => {
                let options = GetOptions {
                    head: true,
                    ..GetOptions::default()
                };
                self::meta(&bucket.link, &path, options)
            }
            found => found,
        };
        match meta {
            Ok(meta) => Ok(Some(Object::new(&bucket.link, &place.bucket, meta))),
            Err(Cause::NoObject) => Ok(None),
            Err(cause) => Err(cause_error(&place.url(), cause)),
        }
    }

    /// The objects of the place's bucket whose names begin with `prefix`, in no order.
    pub fn list(&mut self, place: &Place, prefix: &str) -> Result<Vec<Object>, Error> {
        let bucket = self.bucket(place)?;
        let mut objects = Vec::new();
        let mut page_token = None;
        loop {
            let (pages, prefix) = (bucket.pages.clone(), prefix.to_owned());
            let options = PaginatedListOptions {
                page_token: page_token.take(),
                ..PaginatedListOptions::default()
            };
            let page = bucket.link.start(async move {
                let prefix = (!prefix.is_empty()).then_some(prefix.as_str());
                pages.list_paginated(prefix, options).await
            });
            let page = page.wait().map_err(|cause| {
                let of_bucket = cause == Cause::NoObject;
                cause_error(&place.url(), if of_bucket { Cause::NoBucket } else { cause })
            })?;
            let found = page.result.objects.into_iter();
            objects.extend(found.map(|meta| Object::new(&bucket.link, &place.bucket, meta)));
            page_token = page.page_token;
            if page_token.is_none() {
                return Ok(objects);
            }
        }
    }

    fn bucket(&mut self, place: &Place) -> Result<Bucket, Error> {
        if let Some(bucket) = self.buckets.get(&place.bucket) {
            return Ok(bucket.clone());
        }
        let bucket = connect(&place.bucket).map_err(|cause| cause_error(&place.url(), cause))?;
        self.buckets.insert(place.bucket.clone(), bucket.clone());
        Ok(bucket)
    }
}

fn meta(link: &Link, path: &Path, options: GetOptions) -> Result<ObjectMeta, Cause> {
    let (client, path) = (link.client.clone(), path.clone());
    let found = link.start(async move { Ok(client.get_opts(&path, options).await?.meta) });
    found.wait()
}

/// The one place that reads the environment: keys, region, endpoint and the rest, as `AWS_*` says.
fn connect(bucket: &str) -> Result<Bucket, Cause> {
    let builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_retry(RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(5),
                base: 2.0,
            },
            max_retries: MAX_RETRIES,
            retry_timeout: RETRY_TIMEOUT,
        });
    let said = |key| builder.get_config_value(&key);
    let endpoint = said(AmazonS3ConfigKey::S3Endpoint).or_else(|| said(AmazonS3ConfigKey::Endpoint));
    let region = said(AmazonS3ConfigKey::Region).unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = endpoint.unwrap_or_else(|| format!("S3 in the region {region}"));
    let allows_http = said(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp)).unwrap_or_default();
    let is_yes = ["1", "true", "on", "yes", "y"].contains(&allows_http.to_ascii_lowercase().as_str());
    if endpoint.starts_with("http:") && !is_yes {
        let why = format!("{endpoint} is http, and its scheme is not allowed");
        return Err(Cause::Settings { why });
    }
    let client = builder.build().map_err(|error| Cause::Settings {
        why: plain(&error.to_string()),
    })?;
    let client = Arc::new(client);
    Ok(Bucket {
        link: Link::new(client.clone(), &endpoint)?,
        pages: client,
    })
}

/// What an error of the store means. Its kinds are coarse: the code in the answer tells more.
pub fn cause_of(error: &object_store::Error, endpoint: &str) -> Cause {
    use object_store::Error as Store;
    let text = error.to_string();
    let code = between(&text, "<Code>", "</Code>").unwrap_or_default();
    let status = between(&text, "status code: ", " ").unwrap_or_default();
    let named = |fallback: &str| if code.is_empty() { fallback } else { code }.to_owned();
    match (code, status) {
        ("NoSuchBucket", _) => return Cause::NoBucket,
        (
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "InvalidClientTokenId"
            | "RequestTimeTooSkewed"
            | "AuthFailure"
            | "InvalidSecurity",
            _,
        ) => return Cause::Credentials { code: named("") },
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _)
        | (_, "301" | "307") => {
            return Cause::Region { code: named(status) };
        }
        _ => {}
    }
    // Without keys the machine itself is asked for some, and most have none to give.
    let asks_machine = ["/latest/api/token", "/latest/meta-data/"];
    if asks_machine.iter().any(|path| text.contains(path)) {
        return Cause::NoCredentials;
    }
    if text.contains("redirect without LOCATION") {
        let code = "redirected".to_owned();
        return Cause::Region { code };
    }
    match error {
        Store::PermissionDenied { .. } => Cause::NoPermission {
            code: named("403 Forbidden"),
        },
        Store::Unauthenticated { .. } => Cause::Credentials {
            code: named("401 Unauthorized"),
        },
        _ if status == "403" => Cause::NoPermission {
            code: named("403 Forbidden"),
        },
        Store::NotFound { .. } => Cause::NoObject,
        _ if status == "404" => Cause::NoObject,
        Store::Precondition { .. } => Cause::Changed,
        _ if text.contains("HTTP error: ") => Cause::Unreachable {
            endpoint: endpoint.to_owned(),
            why: innermost(error),
        },
        _ if !status.is_empty() => Cause::Other {
            why: format!("{status} {code}").trim_end().to_owned(),
        },
        _ => Cause::Other { why: plain(&text) },
    }
}

/// Connection refused, a name that is not known, no answer in time: the last word of the chain.
fn innermost(error: &object_store::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    plain(&inner.to_string())
}

/// One line.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let length = text[start..].find(after)?;
    Some(&text[start..start + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_stores_are_told_apart() {
        let cause = |text: &str| {
            let source = text.to_owned().into();
            cause_of(&object_store::Error::Generic { store: "S3", source }, "http://a:1")
        };
        let of = |status: &str, code: &str| {
            cause(&format!(
                "Error performing GET http://a:1/b in 1.2s - Server returned non-2xx status code: {status}: \
                 <Error><Code>{code}</Code></Error>"
            ))
        };
        assert_eq!(of("404 Not Found", "NoSuchBucket"), Cause::NoBucket);
        assert_eq!(of("404 Not Found", "NoSuchKey"), Cause::NoObject);
        let code = "AuthorizationHeaderMalformed".to_owned();
        assert_eq!(
            of("400 Bad Request", "AuthorizationHeaderMalformed"),
            Cause::Region { code }
        );
        assert!(matches!(
            of("301 Moved Permanently", "PermanentRedirect"),
            Cause::Region { .. }
        ));
        let code = "ExpiredToken".to_owned();
        let expired = of("400 Bad Request", "ExpiredToken");
        assert_eq!(expired, Cause::Credentials { code });
        assert!(expired.hint().contains("expired"));
        assert!(of("403 Forbidden", "RequestTimeTooSkewed").hint().contains("clock"));
        assert!(matches!(
            of("403 Forbidden", "AccessDenied"),
            Cause::NoPermission { .. }
        ));
        let why = "503 SlowDown".to_owned();
        assert_eq!(of("503 Slow Down", "SlowDown"), Cause::Other { why });
        let redirected = cause("Received redirect without LOCATION, this normally indicates a region");
        assert!(matches!(redirected, Cause::Region { .. }));
        let asked = cause("Error performing PUT http://169.254.169.254/latest/api/token in 1s - HTTP error: no");
        assert_eq!(asked, Cause::NoCredentials);
        assert!(matches!(
            cause("GET http://a:1 - HTTP error: error sending"),
            Cause::Unreachable { .. }
        ));
    }
}
