//! `akv2k8s ready`: asks running parts whether they are ready. `helm test` does so, over their Services.

use super::block_on;
use super::exit::{Exit, Stop, after_help};
use super::print;
use std::time::{Duration, Instant};

/// One question; a part that is there answers at once.
const ANSWER: Duration = Duration::from_secs(5);
/// Between two questions.
const LOOK: Duration = Duration::from_millis(500);

/// Ask running parts whether they are ready, and wait until all are
#[derive(Debug, clap::Args)]
#[command(after_help = after_help!(
"  # until the controller and the webhook of a release are there
  akv2k8s ready http://akv2k8s.akv2k8s:9000/readyz \\
    http://akv2k8s-envinjector.akv2k8s:8080/readyz"
))]
pub struct ReadyArgs {
    /// What each part is asked at: the whole URL of its /readyz
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
    /// Seconds until one that is not ready is a failure
    #[arg(long, env = "READY_TIMEOUT", default_value_t = 60, value_name = "SECONDS")]
    timeout: u64,
}

/// Asks one after the other.
pub fn run(args: &ReadyArgs) -> Result<Exit, Stop> {
    let deadline = Instant::now() + Duration::from_secs(args.timeout);
    // What is asked is inside the cluster, where no proxy leads.
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER).build();
    let client = client.map_err(|error| Stop::wrong(error.to_string()))?;
    block_on(async {
        for url in &args.urls {
            until_ready(&client, url, deadline).await.map_err(|why| Stop::wrong(format!("{url}: {why}")))?;
            print::line(&format!("{url} is ready"))?;
        }
        Ok(Exit::Ok)
    })?
}

async fn until_ready(client: &reqwest::Client, url: &str, deadline: Instant) -> Result<(), String> {
    loop {
        let Err(why) = ask(client, url).await else { return Ok(()) };
        if Instant::now() + LOOK > deadline {
            return Err(why);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Why it is not ready: its own words, which name what is missing, a line each.
async fn ask(client: &reqwest::Client, url: &str) -> Result<(), String> {
    let answer = client.get(url).send().await.map_err(|error| in_full(&error))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let said = answer.text().await.map_err(|error| in_full(&error))?;
    Err(format!("{status}: {}", said.trim().replace('\n', "; ")))
}

/// An error with its causes: the outermost says no more than that something went wrong.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
