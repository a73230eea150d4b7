//! A session on a server that speaks Spark Connect: SQL out, Arrow batches back.
//!
//! The protocol, with retries and with taking up a broken stream again, is Apache's own crate; results are decoded by
//! our own arrow. Everything made in a session is a temporary view and goes with it; what a view gives may be kept by the
//! workers, and is given up with the session too.

use std::cell::RefCell;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, RecordBatch, new_empty_array};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type, Schema};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use spark_connect_core::{ChannelBuilder, ExecutePlanResponseReattachableIterator, SparkConnectClient, SparkError};
use spark_connect_proto as proto;
use tokio::runtime::Runtime;

use super::Error;

/// So many streams that end at once and bring nothing, one after another, are one too many.
const MAX_FRUITLESS: u32 = 7;
/// A stream that stood for so long was not ended at once: servers end each after some minutes, also while they work.
const STOOD: Duration = Duration::from_secs(10);

/// One session; released when it is dropped.
pub struct Session {
    client: SparkConnectClient,
    runtime: Runtime,
    url: String,
    /// Views whose rows the workers keep.
    kept: RefCell<Vec<&'static str>>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // The server forgets a session that nobody uses by itself, but not what its workers keep; not waited for if
        // nobody listens any more.
        const PATIENCE: Duration = Duration::from_secs(5);
        let leave = async {
            for name in self.kept.take() {
                let plan = query(&format!("UNCACHE TABLE IF EXISTS {name}"));
                let _ = self.executed("giving up what was kept", plan, &mut |_| Ok(())).await;
            }
            let _ = self.client.release_session().await;
        };
        let _ = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, leave).await });
    }
}

/// How often in a row a stream was taken up again and brought nothing.
#[derive(Default)]
struct Patience {
    fruitless: u32,
}

impl Patience {
    /// Something came.
    fn restore(&mut self) {
        self.fruitless = 0;
    }

    /// A stream that stood for `stood` ended: how long to wait before it is taken up again, a minute over all tries;
    /// `None` when it is not worth it any more.
    fn after(&mut self, stood: Duration) -> Option<Duration> {
        if STOOD <= stood {
            self.fruitless = 0;
        }
        self.fruitless += 1;
        match self.fruitless {
            1 => Some(Duration::ZERO),
            n if n < MAX_FRUITLESS => Some(Duration::from_secs(1 << (n - 1))),
            _ => None,
        }
    }
}

/// Whether anybody listens at the address.
fn reach(url: &str) -> io::Result<()> {
    const DEFAULT_PORT: u16 = 15002;
    const PATIENCE: Duration = Duration::from_secs(10);
    let rest = url.strip_prefix("sc://").unwrap_or(url);
    let place = rest.split(['/', ';']).next().unwrap_or(rest);
    let has_port = place
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let place = if has_port {
        place.to_owned()
    } else {
        format!("{place}:{DEFAULT_PORT}")
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Session {
    pub fn connect(url: &str) -> Result<Self, Error> {
        let refused = |error: SparkError| Error::Url {
            url: without_secrets(url),
            why: said(&error),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Url {
                url: without_secrets(url),
                why: error.to_string(),
            })?;
        let builder = ChannelBuilder::parse(url).map_err(refused)?;
        // The client tries again for minutes, which is right for a server that was there a moment ago.
        reach(url).map_err(|error| Error::Failed {
            url: without_secrets(url),
            what: "connecting",
            why: error.to_string(),
        })?;
        let client = runtime
            .block_on(SparkConnectClient::connect(&builder))
            .map_err(refused)?;
        Ok(Self {
            client,
            runtime,
            url: without_secrets(url),
            kept: RefCell::default(),
        })
    }

    fn failed(&self, what: &'static str, error: &SparkError) -> Error {
        Error::Failed {
            url: self.url.clone(),
            what,
            why: said(error),
        }
    }

    fn odd(&self, what: &'static str, why: String) -> Error {
        Error::Failed {
            url: self.url.clone(),
            what,
            why,
        }
    }

    /// Sets an option of the session.
    pub fn set(&self, key: &str, value: &str) -> Result<(), Error> {
        self.runtime
            .block_on(self.client.set_config(key, value))
            .map_err(|error| self.failed("setting an option", &error))
    }

    /// Runs a query and gives its batches one after another.
    pub fn each_batch(
        &self,
        what: &'static str,
        sql: &str,
        give: &mut dyn FnMut(RecordBatch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        tracing::debug!(what, sql, "query");
        self.execute(what, query(sql), give)
    }

    /// Runs a query and gives its whole result, for small ones.
    pub fn query(&self, what: &'static str, sql: &str) -> Result<Rows, Error> {
        let mut batches = Vec::new();
        self.each_batch(what, sql, &mut |batch| {
            batches.push(batch);
            Ok(())
        })?;
        let schema = batches
            .first()
            .map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
        let batch = concat_batches(&schema, &batches).map_err(|error| self.odd(what, error.to_string()))?;
        Ok(Rows { batch })
    }

    /// A temporary view of what a query gives.
    pub fn view(&self, name: &str, sql: &str) -> Result<(), Error> {
        tracing::debug!(name, sql, "view");
        self.name(name, of_sql(sql))
    }

    /// As [`Session::view`], and the workers keep the rows from the first query that asks for them, in memory and beyond
    /// that on their disks. What a lost worker kept is made again.
    pub fn kept_view(&self, name: &'static str, sql: &str) -> Result<(), Error> {
        self.view(name, sql)?;
        self.kept.borrow_mut().push(name);
        let cache = format!("CACHE LAZY TABLE {name}");
        self.each_batch("keeping lines", &cache, &mut |_| Ok(()))
    }

    /// A temporary view of Parquet files, with what the server knows of each row's file: `own`, expressions after all
    /// columns of the input.
    pub fn view_of_parquet(&self, name: &str, paths: &[String], own: &[&str]) -> Result<(), Error> {
        let error = match self.name(name, parquet(paths, own)) {
            Err(error @ Error::Failed { .. }) => error,
            done => return done,
        };
        // Where the columns alone can be had, it is not the path that is wrong.
        match (error, self.name(name, parquet(paths, &[]))) {
            (Error::Failed { url, why, .. }, Ok(())) => Err(Error::NoFileColumns { url, why }),
            (error, _) => Err(error),
        }
    }

    /// A temporary view of rows that we send.
    pub fn upload(&self, name: &str, batch: &RecordBatch) -> Result<(), Error> {
        let mut data = Vec::new();
        let written = StreamWriter::try_new(&mut data, &batch.schema()).and_then(|mut writer| {
            writer.write(batch)?;
            writer.finish()
        });
        written.map_err(|error| self.odd("sending a table", error.to_string()))?;
        let local = relation(proto::relation::RelType::LocalRelation(proto::LocalRelation {
            data: Some(data.into()),
            schema: None,
        }));
        self.name(name, local)
    }

    fn name(&self, name: &str, input: proto::Relation) -> Result<(), Error> {
        let command = proto::Command {
            command_type: Some(proto::command::CommandType::CreateDataframeView(
                proto::CreateDataFrameViewCommand {
                    input: Some(input),
                    name: name.to_owned(),
                    is_global: false,
                    replace: true,
                },
            )),
        };
        self.execute("naming a view", proto::plan::OpType::Command(command), &mut |_| Ok(()))
    }

    fn execute(
        &self,
        what: &'static str,
        plan: proto::plan::OpType,
        give: &mut dyn FnMut(RecordBatch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.runtime.block_on(self.executed(what, plan, give))
    }

    async fn executed(
        &self,
        what: &'static str,
        plan: proto::plan::OpType,
        give: &mut dyn FnMut(RecordBatch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let request = proto::ExecutePlanRequest {
            session_id: self.client.session_id().to_owned(),
            user_context: Some(proto::UserContext {
                user_id: self.client.user_id().unwrap_or("quintile").to_owned(),
                ..Default::default()
            }),
            plan: Some(proto::Plan { op_type: Some(plan) }),
            ..Default::default()
        };
        let iter = ExecutePlanResponseReattachableIterator::new(request);
        let failed = |error: SparkError| self.failed(what, &error);
        let mut stream = self.client.execute_plan(iter.request().clone()).await.map_err(failed)?;
        let (mut patience, mut since) = (Patience::default(), Instant::now());
        // A server ends every stream after some minutes, whether the result is complete or not: only it says so.
        while !iter.is_completed().await {
            let mut ended = match stream.message().await {
                Ok(Some(response)) => {
                    patience.restore();
                    self.take(what, &iter, response, give).await?;
                    continue;
                }
                Ok(None) => None,
                Err(status) => Some(SparkError::from_grpc_status(status)),
            };
            loop {
                if let Some(error) = ended.take_if(|error| !is_passing(error)) {
                    return Err(failed(error));
                }
                // One that broke did not stand, however long it took.
                let stood = ended.as_ref().map_or_else(|| since.elapsed(), |_| Duration::ZERO);
                let Some(pause) = patience.after(stood) else {
                    let why = "it ends every stream before the result is complete";
                    return Err(ended.map_or_else(|| self.odd(what, why.to_owned()), failed));
                };
                tokio::time::sleep(pause).await;
                since = Instant::now();
                let again = self.client.reattach_execute(iter.create_reattach_request().await).await;
                match again {
                    Ok(again) => {
                        stream = again;
                        break;
                    }
                    Err(error) => ended = Some(error),
                }
            }
        }
        Ok(())
    }

    /// Gives the batches of a response.
    async fn take(
        &self,
        what: &'static str,
        iter: &ExecutePlanResponseReattachableIterator,
        response: proto::ExecutePlanResponse,
        give: &mut dyn FnMut(RecordBatch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        iter.set_last_response_id(&response).await;
        let Some(proto::execute_plan_response::ResponseType::ArrowBatch(part)) = response.response_type else {
            return Ok(());
        };
        let reader = StreamReader::try_new(&part.data[..], None);
        for batch in reader.map_err(|error| self.odd(what, error.to_string()))? {
            give(batch.map_err(|error| self.odd(what, error.to_string()))?)?;
        }
        Ok(())
    }

    /// The error of a result that is not what was asked for.
    pub fn unexpected(&self, what: &'static str) -> Error {
        self.odd(what, "the result has another shape than was asked for".to_owned())
    }
}

fn of_sql(sql: &str) -> proto::Relation {
    relation(proto::relation::RelType::Sql(proto::Sql {
        query: sql.to_owned(),
        ..Default::default()
    }))
}

fn query(sql: &str) -> proto::plan::OpType {
    proto::plan::OpType::Root(of_sql(sql))
}

fn relation(rel_type: proto::relation::RelType) -> proto::Relation {
    proto::Relation {
        rel_type: Some(rel_type),
        ..Default::default()
    }
}

/// Parquet files with `own` expressions after their columns.
fn parquet(paths: &[String], own: &[&str]) -> proto::Relation {
    let read = relation(proto::relation::RelType::Read(proto::Read {
        is_streaming: false,
        read_type: Some(proto::read::ReadType::DataSource(proto::read::DataSource {
            format: Some("parquet".to_owned()),
            paths: paths.to_vec(),
            ..Default::default()
        })),
    }));
    let expression = |text: &&str| proto::Expression {
        expr_type: Some(proto::expression::ExprType::ExpressionString(
            proto::expression::ExpressionString {
                expression: (*text).to_owned(),
            },
        )),
        ..Default::default()
    };
    relation(proto::relation::RelType::Project(Box::new(proto::Project {
        input: Some(Box::new(read)),
        expressions: ["*"].iter().chain(own).map(expression).collect(),
    })))
}

/// Whether the connection was lost and the work may go on: not reachable, or a cursor that was disconnected.
fn is_passing(error: &SparkError) -> bool {
    const UNAVAILABLE: i32 = 14;
    error.grpc_code == Some(UNAVAILABLE) || error.message().contains("INVALID_CURSOR.DISCONNECTED")
}

/// The first lines of what the server says; the rest is its own stack.
fn said(error: &SparkError) -> String {
    let message = error.message();
    let lines: Vec<&str> = message.lines().take(4).map(str::trim_end).collect();
    let mut text = lines.join("\n  ");
    if text.is_empty() {
        text = error.to_string();
    }
    text.chars().take(2_000).collect()
}

/// The address without its parameters, which may hold a token.
fn without_secrets(url: &str) -> String {
    url.split_once(";").map_or(url, |(address, _)| address).to_owned()
}

/// A whole result.
pub struct Rows {
    pub batch: RecordBatch,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    fn column(&self, i: usize, wanted: &DataType) -> ArrayRef {
        let found = self.batch.columns().get(i).and_then(|column| cast(column, wanted).ok());
        found.unwrap_or_else(|| new_empty_array(wanted))
    }

    /// Column `i` as integers, nulls as `None`.
    pub fn integers(&self, i: usize) -> Vec<Option<i64>> {
        let column = self.column(i, &DataType::Int64);
        column.as_primitive::<Int64Type>().iter().collect()
    }

    /// Column `i` as integers, nulls as 0.
    pub fn counts(&self, i: usize) -> Vec<i64> {
        self.integers(i).into_iter().map(Option::unwrap_or_default).collect()
    }

    pub fn texts(&self, i: usize) -> Vec<Option<String>> {
        let column = self.column(i, &DataType::Utf8);
        column
            .as_string::<i32>()
            .iter()
            .map(|text| text.map(str::to_owned))
            .collect()
    }

    /// Column `i`, whole numbers of up to 38 digits, nulls as 0.
    pub fn sums(&self, i: usize) -> Vec<i128> {
        let parse = |text: Option<String>| text.and_then(|text| text.parse().ok()).unwrap_or_default();
        self.texts(i).into_iter().map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_every_stream_at_once_is_left() {
        let mut patience = Patience::default();
        let pauses: Vec<u64> = std::iter::from_fn(|| patience.after(Duration::ZERO))
            .map(|pause| pause.as_secs())
            .take(100)
            .collect();
        assert_eq!(pauses, [0, 2, 4, 8, 16, 32]);
    }

    #[test]
    fn a_server_that_works_for_hours_is_not_left() {
        let mut patience = Patience::default();
        for _ in 0..1_000 {
            assert_eq!(patience.after(Duration::from_secs(120)), Some(Duration::ZERO));
        }
        for _ in 0..1_000 {
            patience.restore();
            assert_eq!(patience.after(Duration::ZERO), Some(Duration::ZERO));
        }
    }

    #[test]
    fn a_token_is_not_repeated() {
        assert_eq!(
            without_secrets("sc://host:15002/;token=SECRET;use_ssl=true"),
            "sc://host:15002/"
        );
        assert_eq!(without_secrets("sc://host"), "sc://host");
    }
}
