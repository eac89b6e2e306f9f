//! Images on the node, which has no registry: they are handed to containerd.

use super::Node;
use crate::failure::During;
use crate::image::Image;
use crate::{Failure, Outcome};
use std::process::{Command, Stdio};

impl Node {
    /// containerd's own client, where kubelet's images and containers are.
    pub fn ctr(&self) -> Command {
        let mut command = self.command("ctr");
        command.args(["--namespace", "k8s.io"]);
        command
    }

    /// Puts an image on the node under `name`, such as `localhost/shop:1`. A pod names it with `imagePullPolicy: Never`.
    pub fn import(&self, image: &Image, name: &str) -> Outcome<()> {
        let mut command = self.ctr();
        // Unpacked for the snapshotter that kubelet's containers use.
        command.args(["images", "import", "--snapshotter", "native", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut import = command.spawn().during("nsenter could not be started")?;
        if let Some(stdin) = import.stdin.take() {
            // If containerd's client ends early, its own words say more than a broken pipe.
            let _written = image.write(name, stdin);
        }
        let output = import.wait_with_output().during("ctr images import")?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Failure::new(format!("{name} could not be imported: {}", said.trim())))
    }
}
