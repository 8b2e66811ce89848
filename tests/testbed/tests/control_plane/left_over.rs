//! What a control plane leaves behind when its holder ends: nothing.

use rustix::process::{Signal, kill_process};
use testbed::control_plane::ControlPlane;

use crate::support::{Holder, naming, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_or_ended_holder_leaves_nothing() {
    for signal in [Signal::KILL, Signal::TERM] {
        let mut holder = Holder::start(&[]);
        holder.end(signal);
        let dir = &holder.dir;
        until("the end of the processes", || naming(dir).is_empty()).await;
        until("the end of the folder", || !dir.exists()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_even_the_guardian_could_not_take_away_is_swept_by_the_next_start() {
    let mut holder = Holder::start(&[]);
    let mut processes = naming(&holder.dir).into_iter();
    let guardian = processes.find(|(_, arguments)| arguments.starts_with("sh\0-c\0"));
    kill_process(guardian.unwrap().0, Signal::KILL).unwrap();
    holder.end(Signal::KILL);
    let next = ControlPlane::start().await.unwrap();
    assert!(!holder.dir.exists());
    until("the end of the processes", || {
        naming(&holder.dir).is_empty()
    })
    .await;
    next.stop().await;
}
