//! The operator as a process of its own, started again whenever the weather ends it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use testbed::{loopback, program::Program};
use tokio::process::Command;

use super::{Failure, figures::Figures, weather::End};

/// From SIGTERM to the end; the operator's own promise is 10 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(12);

/// What the operator logs if the API server did not renew its Lease in time, as happens on an overloaded machine. It is
/// right to exit then, and whatever supervises it restarts it.
pub(crate) const LOST: &str = "leadership is lost";

/// What it takes to start one.
pub(crate) struct Recipe {
    pub(crate) program: PathBuf,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) api: String,
    pub(crate) log: PathBuf,
}

/// A running one.
pub(crate) struct Operator {
    program: Program,
    admin: SocketAddr,
}

impl Operator {
    pub(crate) fn start(recipe: &Recipe) -> Result<Self, Failure> {
        let admin = loopback::free_address()?;
        let mut command = Command::new(&recipe.program);
        command
            .args(["run", "--allow-http", "--api-url", &recipe.api])
            .args(["--admin-addr", &admin.to_string()])
            .env("KUBECONFIG", &recipe.kubeconfig)
            .env("POD_NAMESPACE", "together-system")
            .env_remove("RUST_LOG")
            .env_remove("WATCH_NAMESPACES");
        Ok(Self {
            program: Program::start(&command, recipe.log.clone())?,
            admin,
        })
    }

    pub(crate) async fn figures(&self) -> Result<Figures, Failure> {
        let id = self.program.id().ok_or("the operator has ended")?;
        Ok(Figures::read(id, self.admin).await?)
    }

    /// Waits until it ends by itself; the end of its log. It should do so for one reason only: [`LOST`].
    pub(crate) async fn ended(&mut self) -> String {
        self.program.ended().await
    }

    /// Ends it.
    pub(crate) async fn end(self, end: End) -> Result<(), Failure> {
        if end == End::Kill {
            self.program.kill().await?;
            return Ok(());
        }
        let status = self.program.stop(STOP_TIMEOUT).await?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the operator ended with {status} after SIGTERM, not with 0").into())
        }
    }
}
