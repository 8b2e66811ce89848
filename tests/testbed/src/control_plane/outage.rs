//! An API server that is gone for a while: ended and started again, or stopped in its tracks.

use rustix::process::Signal;

use super::{ControlPlane, error::Error, processes::API_SERVER, ready};

/// Where the API server is a process of the testbed's own; a kind node or a named cluster answers [`Error::Absent`].
impl ControlPlane {
    /// Ends the API server at once: connections break, and new ones are refused.
    ///
    /// # Errors
    /// [`Error::Absent`], or the error of the operating system.
    pub async fn kill_api_server(&self) -> Result<(), Error> {
        self.0.run.lock().await.kill(API_SERVER)
    }

    /// Starts an ended API server again, on the same port and data, and waits until it serves.
    ///
    /// # Errors
    /// [`Error::Absent`], or why it does not serve.
    pub async fn restart_api_server(&self) -> Result<(), Error> {
        let client = self.admin()?;
        let mut run = self.0.run.lock().await;
        run.start_again(API_SERVER)?;
        ready::api_server(&mut run, &client).await
    }

    /// Stops the API server in its tracks: connections stay, and nothing is answered.
    ///
    /// # Errors
    /// [`Error::Absent`], or the error of the operating system.
    pub async fn freeze_api_server(&self) -> Result<(), Error> {
        self.0.run.lock().await.signal(API_SERVER, Signal::STOP)
    }

    /// Lets a stopped API server go on where it was.
    ///
    /// # Errors
    /// [`Error::Absent`], or the error of the operating system.
    pub async fn thaw_api_server(&self) -> Result<(), Error> {
        self.0.run.lock().await.signal(API_SERVER, Signal::CONT)
    }
}
