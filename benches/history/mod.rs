//! The generated history of the benches that take lines.

use std::path::PathBuf;

use quintile::generate;

const SEED: u64 = 7;
/// Enough products that counting pairs is work: the default catalogue has 45 thousand pairs, this has 12 million.
const PRODUCTS: u32 = 5_000;

/// The Parquet file of about so many lines, made where it is not there yet, in the folder `QUINTILE_BENCH_DATA` or
/// cargo's for temporary files. Its truth is written last, so a folder with one is complete.
pub fn file(lines: usize) -> PathBuf {
    let folder = std::env::var_os("QUINTILE_BENCH_DATA").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let folder = PathBuf::from(folder).join(format!("lines={lines}-products={PRODUCTS}-seed={SEED}"));
    if !folder.join("truth.json").exists() {
        let config = generate::Config {
            out: folder.clone(),
            lines: Some(lines as u64),
            products: PRODUCTS,
            seed: SEED,
            ..generate::Config::default()
        };
        let params = config.check().expect("the settings of the bench can be generated");
        generate::run(&params, &|_| {}).expect("the folder for histories can be written");
    }
    folder.join("transactions.parquet")
}
