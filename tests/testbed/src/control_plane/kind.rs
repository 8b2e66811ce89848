//! A kind node through testcontainers: the image's own kubeadm makes the control plane, without the kind program.

use std::{
    fs,
    mem::ManuallyDrop,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use kube::{Client, config::Kubeconfig};
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt as _,
    bollard::models::{HostConfig, Mount, MountType, PortBinding},
    core::{CgroupnsMode, ExecCommand, IntoContainerPort as _},
    runners::AsyncRunner as _,
};

use super::{
    engine::{self, Image},
    error::Error,
    kubeadm::{self, API_PORT, POD_SUBNET},
    kubeconfig, ready,
    run::Run,
    wait::until,
};

/// Where the API server's port is published. The engine's own idea of its host is another one wherever a file says that
/// this machine is a container, and nothing listens there.
const LOOPBACK: &str = "127.0.0.1";
/// The administrator's kubeconfig inside the node.
const ADMIN: &str = "/etc/kubernetes/admin.conf";
/// From the container's start to its containerd's first answer.
const CONTAINERD: Duration = Duration::from_secs(60);
/// Lines of a command's output that an error shows.
const TAIL_LINES: usize = 15;

/// A running node.
pub(super) struct Node {
    /// The administrator's kubeconfig, for use outside of the node.
    pub(super) kubeconfig: PathBuf,
    /// The node's own kubectl, copied out.
    pub(super) kubectl: PathBuf,
    /// Its own drop needs a runtime, and panics without one. The run's guardian removes the container in any case.
    container: ManuallyDrop<ContainerAsync<GenericImage>>,
}

impl Node {
    /// Removes the container with its volumes.
    pub(super) async fn remove(self) {
        // Where this fails, the guardian and the next start's sweep try again.
        let _ = ManuallyDrop::into_inner(self.container).rm().await;
    }
}

/// Starts a node of this image and waits until its control plane serves.
pub(super) async fn start(run: &mut Run, image: &Image) -> Result<Node, Error> {
    let node = run_container(run, image).await?;
    init(run, &node).await?;

    let admin = Kubeconfig::from_yaml(&shell(&node, &format!("cat {ADMIN}")).await?)
        .map_err(Error::unreadable(ADMIN))?;
    let admin = reached_from_outside(admin, &node).await?;
    let client = Client::try_from(kubeconfig::config(admin.clone()).await?)
        .map_err(Error::kube("make a client"))?;
    ready::api_server(run, &client).await?;
    ready::controllers(run, &client).await?;
    Ok(Node {
        kubeconfig: kubeconfig::write(run.dir().join("admin.kubeconfig"), &admin)?,
        kubectl: copy_kubectl(&node, run.dir()).await?,
        container: node,
    })
}

async fn run_container(
    run: &Run,
    Image { name: image, tag }: &Image,
) -> Result<ManuallyDrop<ContainerAsync<GenericImage>>, Error> {
    let name = run.container().unwrap_or_default();
    GenericImage::new(image, tag)
        .with_exposed_port(API_PORT.tcp())
        .with_container_name(name)
        .with_hostname(name)
        .with_label(engine::LABEL, run.dir().display().to_string())
        .with_privileged(true)
        .with_cgroupns_mode(CgroupnsMode::Private)
        .with_host_config_modifier(as_node)
        .start()
        .await
        .map(ManuallyDrop::new)
        .map_err(|error| Error::Failed(format!("the node {image}:{tag} did not start: {error}")))
}

/// What a node needs of its container: no confinement, folders of its own for what runs inside, a port on loopback.
fn as_node(host: &mut HostConfig) {
    let unconfined = ["seccomp=unconfined", "apparmor=unconfined"];
    host.security_opt = Some(unconfined.map(str::to_owned).to_vec());
    host.tmpfs = Some(
        ["/run", "/tmp"]
            .map(|path| (path.to_owned(), String::new()))
            .into(),
    );
    // A volume without a name goes away with its container.
    host.mounts = Some(vec![Mount {
        target: Some("/var".to_owned()),
        typ: Some(MountType::VOLUME),
        ..Mount::default()
    }]);
    host.binds = Some(vec!["/lib/modules:/lib/modules:ro".to_owned()]);
    host.publish_all_ports = Some(false);
    let loopback = PortBinding {
        host_ip: Some(LOOPBACK.to_owned()),
        host_port: None,
    };
    host.port_bindings = Some([(format!("{API_PORT}/tcp"), Some(vec![loopback]))].into());
}

async fn init(run: &mut Run, node: &ContainerAsync<GenericImage>) -> Result<(), Error> {
    until(Some(run), "the node's containerd", CONTAINERD, async || {
        shell(node, "ctr version")
            .await
            .map_err(|error| error.to_string())
    })
    .await?;
    let version = shell(node, "cat /kind/version").await?;
    let addresses = shell(node, "hostname -i").await?;
    let address = addresses.split_whitespace().next().unwrap_or_default();
    let configuration = kubeadm::configuration(version.trim(), address);
    let write = ExecCommand::new(["sh", "-c", "printf %s \"$TEXT\" >/kind/kubeadm.conf"])
        .with_env_vars([("TEXT", configuration)]);
    run_in(node, write, "write kubeadm's configuration").await?;
    shell(node, "kubeadm init --config /kind/kubeadm.conf").await?;
    shell(
        node,
        &format!(
            "sed 's#{{{{ *\\.PodSubnet *}}}}#{POD_SUBNET}#' /kind/manifests/default-cni.yaml \
             | kubectl --kubeconfig {ADMIN} apply -f -"
        ),
    )
    .await?;
    Ok(())
}

/// The node's kubeconfig, with the published port in place of the address inside.
async fn reached_from_outside(
    mut admin: Kubeconfig,
    node: &ContainerAsync<GenericImage>,
) -> Result<Kubeconfig, Error> {
    let port = node.get_host_port_ipv4(API_PORT).await.map_err(failed)?;
    for cluster in admin.clusters.iter_mut().filter_map(|c| c.cluster.as_mut()) {
        cluster.server = Some(format!("https://{LOOPBACK}:{port}"));
    }
    Ok(admin)
}

async fn copy_kubectl(node: &ContainerAsync<GenericImage>, dir: &Path) -> Result<PathBuf, Error> {
    let kubectl = dir.join("kubectl");
    let inside = shell(node, "readlink -f \"$(command -v kubectl)\"").await?;
    node.copy_file_from(inside.trim(), kubectl.as_path())
        .await
        .map_err(failed)?;
    fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o700))
        .map_err(Error::io("make executable", &kubectl))?;
    Ok(kubectl)
}

/// Runs a line of shell in the node and returns what it printed.
async fn shell(node: &ContainerAsync<GenericImage>, line: &str) -> Result<String, Error> {
    run_in(node, ExecCommand::new(["sh", "-c", line]), line).await
}

async fn run_in(
    node: &ContainerAsync<GenericImage>,
    command: ExecCommand,
    what: &str,
) -> Result<String, Error> {
    let mut result = node.exec(command).await.map_err(failed)?;
    let printed = result.stdout_to_vec().await.map_err(failed)?;
    let complaints = result.stderr_to_vec().await.map_err(failed)?;
    let printed = String::from_utf8_lossy(&printed).into_owned();
    if result.exit_code().await.map_err(failed)? == Some(0) {
        return Ok(printed);
    }
    let all = printed + &String::from_utf8_lossy(&complaints);
    let lines: Vec<&str> = all.lines().collect();
    let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
    Err(Error::Failed(format!(
        "`{what}` failed in the node:\n{tail}"
    )))
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Failed(format!("the container engine failed: {error}"))
}
