//! Names that stand in pods: volumes, containers, paths, audiences. Some are the original's, since its pods stay.

/// The init container that copies the executable; the original's name.
pub const COPY_CONTAINER: &str = "copy-azurekeyvault-env";
/// The memory volume that holds the executable; the original's name.
pub const EXECUTABLE_VOLUME: &str = "azure-keyvault-env";
/// Where that volume is mounted unless the installation says otherwise.
pub const EXECUTABLE_DIR: &str = "/azure-keyvault/";
/// The executable.
pub const EXECUTABLE: &str = "azure-keyvault-env";
/// Where the container's token is mounted.
pub const TOKEN_DIR: &str = "/var/run/secrets/akv2k8s";
/// The file of the token below [`TOKEN_DIR`].
pub const TOKEN_FILE: &str = "token";
/// What the kubelet shows as the reason of an end.
pub const TERMINATION_LOG: &str = "/dev/termination-log";

/// The audience of the token of one container. Only that container mounts the token, so who holds it is that container;
/// a token of the cluster's default audience, or of the next container, proves nothing here.
pub fn audience(container: &str) -> String {
    format!("akv2k8s.spv.no/{container}")
}

/// The volume of a container's token.
pub fn token_volume(container: &str) -> String {
    format!("azure-keyvault-token-{}", short(container))
}

/// The memory volume of a container's files.
pub fn files_volume(container: &str) -> String {
    format!("azure-keyvault-files-{}", short(container))
}

/// A container's name may be as long as a volume's: sixteen digits of FNV-1a stand for it, so that the same container has
/// the same volumes however often a pod is admitted. Two names of one pod that collide give a pod that the API server
/// refuses, never one that shares a volume.
fn short(container: &str) -> String {
    let hash = container
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_of_the_longest_container_are_legal_names() {
        let longest = "a".repeat(63);
        for name in [token_volume(&longest), files_volume(&longest)] {
            assert!(
                name.len() <= 63 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            );
        }
        assert_ne!(token_volume("app"), token_volume("app2"));
    }
}
