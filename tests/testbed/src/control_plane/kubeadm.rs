//! The configuration of kubeadm inside a kind node.

/// The pods' addresses in the node; also filled into the node's network manifest.
pub(super) const POD_SUBNET: &str = "10.244.0.0/16";
/// The API server's port inside the node.
pub(super) const API_PORT: u16 = 6443;

/// The configuration for `kubeadm init` on a single node.
///
/// `version` is the image's Kubernetes, `address` the container's own. Clients outside come through loopback.
pub(super) fn configuration(version: &str, address: &str) -> String {
    format!(
        "apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {version}
clusterName: testbed
apiServer:
  certSANs: [localhost, 127.0.0.1]
controllerManager:
  extraArgs:
  - {{name: kube-api-qps, value: \"300\"}}
  - {{name: kube-api-burst, value: \"600\"}}
networking:
  podSubnet: {POD_SUBNET}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: {address}
  bindPort: {API_PORT}
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
  taints: []
  kubeletExtraArgs:
  - {{name: node-ip, value: {address}}}
# A container is not the machine that the checks expect.
skipPhases: [preflight]
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupRoot: /kubelet
failSwapOn: false
failCgroupV1: false
# The disk is the machine's, and not the node's to clean.
imageGCHighThresholdPercent: 100
evictionHard: {{nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%}}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
# Zero leaves the machine's own limit alone.
conntrack: {{maxPerCore: 0}}
"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::Value;

    #[test]
    fn the_configuration_is_four_documents_that_name_the_node() {
        let text = super::configuration("v1.2.3", "172.17.0.2");
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        let kinds: Vec<_> = documents.iter().map(|d| d["kind"].clone()).collect();
        assert_eq!(
            kinds,
            [
                "ClusterConfiguration",
                "InitConfiguration",
                "KubeletConfiguration",
                "KubeProxyConfiguration"
            ]
        );
        assert_eq!(documents[0]["kubernetesVersion"], "v1.2.3");
        assert_eq!(documents[0]["apiServer"]["certSANs"][1], "127.0.0.1");
        assert_eq!(
            documents[1]["localAPIEndpoint"]["advertiseAddress"],
            "172.17.0.2"
        );
    }
}
