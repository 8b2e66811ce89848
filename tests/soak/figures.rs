//! What the operator takes of the machine, and whether that grows.

use std::{fmt, fs, net::SocketAddr, path::Path, time::Duration};

/// Room for what comes and goes: connections that are kept a while, threads that look names up, buffers of a long page.
const MORE_HANDLES: usize = 12;
const MORE_KIB: usize = 24 * 1024;

/// One reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// KiB now.
    resident: usize,
    /// KiB at most.
    peak: usize,
    threads: usize,
    descriptors: usize,
    sockets: usize,
    /// Live tokio tasks, if the operator reports them.
    tasks: Option<usize>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib: usize| kib / 1024;
        write!(
            f,
            "RSS {} MiB (peak {}), {} threads, {} descriptors, {} sockets",
            mib(self.resident),
            mib(self.peak),
            self.threads,
            self.descriptors,
            self.sockets
        )?;
        match self.tasks {
            Some(tasks) => write!(f, ", {tasks} tasks"),
            None => write!(f, ", tasks not reported"),
        }
    }
}

impl Figures {
    /// Reads those of the process, whose metrics are served at `admin`.
    pub(crate) async fn read(process: u32, admin: SocketAddr) -> std::io::Result<Self> {
        let folder = Path::new("/proc").join(process.to_string());
        let status = fs::read_to_string(folder.join("status"))?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
                .unwrap_or_default()
        };
        let (mut descriptors, mut sockets) = (0, 0);
        for entry in fs::read_dir(folder.join("fd"))? {
            descriptors += 1;
            let target = fs::read_link(entry?.path()).unwrap_or_default();
            sockets += usize::from(target.to_string_lossy().starts_with("socket:"));
        }
        Ok(Self {
            resident: field("VmRSS:"),
            peak: field("VmHWM:"),
            threads: field("Threads:"),
            descriptors,
            sockets,
            tasks: tasks(admin).await,
        })
    }

    /// The larger of each: connections come and go with the work.
    pub(crate) fn most(self, other: Self) -> Self {
        self.each(other, usize::max)
    }

    /// The smaller of each.
    pub(crate) fn least(self, other: Self) -> Self {
        self.each(other, usize::min)
    }

    fn each(self, other: Self, pick: impl Fn(usize, usize) -> usize) -> Self {
        let tasks = self.tasks.zip(other.tasks);
        Self {
            resident: pick(self.resident, other.resident),
            peak: pick(self.peak, other.peak),
            threads: pick(self.threads, other.threads),
            descriptors: pick(self.descriptors, other.descriptors),
            sockets: pick(self.sockets, other.sockets),
            tasks: tasks.map(|(one, other)| pick(one, other)),
        }
    }

    /// What has grown since `self` by more than comes and goes.
    pub(crate) fn leaks(&self, end: &Self) -> Vec<String> {
        let handles = [
            ("threads", self.threads, end.threads),
            ("descriptors", self.descriptors, end.descriptors),
            ("sockets", self.sockets, end.sockets),
            (
                "tasks",
                self.tasks.unwrap_or_default(),
                end.tasks.unwrap_or_default(),
            ),
        ];
        let mut grown: Vec<String> = handles
            .iter()
            .filter(|(_, before, after)| *after > before + MORE_HANDLES)
            .map(|(what, before, after)| format!("{what} grew from {before} to {after}"))
            .collect();
        if end.resident > self.resident * 5 / 4 + MORE_KIB {
            grown.push(format!(
                "RSS grew from {} to {} KiB",
                self.resident, end.resident
            ));
        }
        grown
    }
}

async fn tasks(admin: SocketAddr) -> Option<usize> {
    let ask = async {
        let answer = reqwest::get(format!("http://{admin}/metrics")).await.ok()?;
        answer.text().await.ok()
    };
    let metrics = tokio::time::timeout(Duration::from_secs(5), ask)
        .await
        .ok()??;
    let line = metrics
        .lines()
        .find(|line| line.starts_with("together_remediation_tasks"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_by_more_than_comes_and_goes_is_a_leak() {
        let start = Figures {
            resident: 40_000,
            peak: 50_000,
            threads: 4,
            descriptors: 30,
            sockets: 20,
            tasks: Some(50),
        };
        assert_eq!(start.leaks(&start), Vec::<String>::new());
        let grown = Figures {
            resident: 80_000,
            peak: 90_000,
            threads: 17,
            descriptors: 43,
            sockets: 33,
            tasks: Some(63),
        };
        assert_eq!(start.most(grown).leaks(&grown), Vec::<String>::new());
        assert_eq!(start.leaks(&grown.least(start)), Vec::<String>::new());
        let message = start.leaks(&grown).join("; ");
        for what in ["threads", "descriptors", "sockets", "tasks", "RSS"] {
            assert!(message.contains(what), "{message}");
        }
    }
}
