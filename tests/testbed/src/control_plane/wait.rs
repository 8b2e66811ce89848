//! Waiting for a condition, with a limit and the last reason why it did not hold.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use super::{error::Error, run::Run};

/// One question to a server that may hang.
const ONE_TRY: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// Tries until `attempt` succeeds, a program of `run` ends, or `limit` is over.
pub(super) async fn until<T, F>(
    mut run: Option<&mut Run>,
    what: &str,
    limit: Duration,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, String>>,
{
    let start = Instant::now();
    loop {
        let last = match tokio::time::timeout(ONE_TRY, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(why)) => why,
            Err(_) => "no answer".to_owned(),
        };
        if let Some(run) = run.as_deref_mut() {
            run.check()?;
        }
        if start.elapsed() > limit {
            return Err(Error::TimedOut {
                what: what.to_owned(),
                seconds: limit.as_secs(),
                last,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
