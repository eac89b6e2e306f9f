//! The cgroups of containers, which outlive the node's namespaces if its first process was killed.

use crate::layout::folders;
use std::path::{Path, PathBuf};

/// Where containerd puts the cgroups of kubelet's containers, below the root of each hierarchy.
const PARENT: &str = "k8s.io";

/// Those that are there of a node whose files lie in `dir`: containerd keeps a folder for each container that runs.
pub fn of_containers(dir: &Path) -> Vec<PathBuf> {
    let containers = folders(&dir.join("run/containerd/io.containerd.runtime.v2.task/k8s.io"));
    let names = containers.iter().filter_map(|container| container.file_name());
    let groups = names.flat_map(|name| parents().into_iter().map(move |parent| parent.join(name)));
    groups.filter(|group| group.exists()).collect()
}

/// Removes a cgroup and those in it; whether it is gone. One that holds a process cannot be removed.
pub fn remove(group: &Path) -> bool {
    for inner in folders(group) {
        remove(&inner);
    }
    std::fs::remove_dir(group).is_ok() || !group.exists()
}

/// Removes what is above them, unless another containerd of the machine has containers there.
pub fn remove_parents() {
    for parent in parents() {
        let _removed = std::fs::remove_dir(parent);
    }
}

/// One with version 2 of cgroups, one for each controller with version 1.
fn parents() -> Vec<PathBuf> {
    let root = PathBuf::from("/sys/fs/cgroup");
    let below = folders(&root);
    let hierarchies = std::iter::once(root).chain(below).filter(|dir| dir.join("cgroup.procs").exists());
    hierarchies.map(|dir| dir.join(PARENT)).filter(|parent| parent.exists()).collect()
}
