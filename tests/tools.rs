//! Builds programs that some tests need, with Go, into the cache: `tools NAME...`; without a name, all that `cargo test` asks
//! for. An example, because those share their dependencies with the tests. `.ci/tools` calls it.

use std::process::ExitCode;

use testbed::tools::{build, sets};

#[tokio::main]
async fn main() -> ExitCode {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let all = sets().map(str::to_owned);
    for set in if named.is_empty() {
        all.collect()
    } else {
        named
    } {
        if let Err(error) = build(&set).await {
            eprintln!("{set}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
