//! From an image to its command: tag, index, manifest, configuration, each checked against the digest that named it.

use http::Method;
use tokio::time::Instant;

use crate::digest::Digest;
use crate::fault::Fault;
use crate::manifest::{self, Command, DocumentError, Manifest};
use crate::plan::{Course, Plan};
use crate::platform::Platform;
use crate::session::{Desk, Session, Wanted};

/// An index has some 10 KiB. Read by user's choice, many at once, it must not fill the memory.
const LARGEST_MANIFEST: usize = 1 << 20;
/// A configuration has some 10 KiB, with a build cache in it some 100.
const LARGEST_CONFIGURATION: usize = 2 << 20;
/// An index may point at an index; nobody has more of them.
const DEEPEST: usize = 3;

/// What a tag stands for today, and which attempt of the plan found it.
pub(crate) async fn resolve(desk: &Desk, plan: &Plan, tag: &str, deadline: Instant) -> Result<(Digest, usize), Fault> {
    let mut course = Course::new(plan, 0);
    while let Some((number, attempt)) = course.next() {
        let deadline = course.deadline(deadline, Instant::now());
        match digest(&mut Session::new(desk, attempt, deadline), tag).await {
            Ok(digest) => return Ok((digest, number)),
            Err(fault) => course.failed(fault),
        }
    }
    Err(course.verdict())
}

/// The command behind a digest, asked for from the attempt `start` on.
pub(crate) async fn command(
    desk: &Desk,
    plan: &Plan,
    start: usize,
    digest: &Digest,
    platform: &Platform,
    deadline: Instant,
) -> Result<Command, Fault> {
    let mut course = Course::new(plan, start);
    while let Some((_, attempt)) = course.next() {
        let deadline = course.deadline(deadline, Instant::now());
        match read(&mut Session::new(desk, attempt, deadline), digest, platform).await {
            Ok(command) => return Ok(command),
            Err(fault) => course.failed(fault),
        }
    }
    Err(course.verdict())
}

/// The digest of a tag. The header of `HEAD` costs nothing of Docker Hub's allowance; where there is none, the document is
/// read for it.
async fn digest(session: &mut Session<'_>, tag: &str) -> Result<Digest, Fault> {
    let wanted = |method| Wanted {
        method,
        kind: "manifests",
        reference: tag,
        accept: Some(manifest::ACCEPTED),
        what: "manifest",
        limit: LARGEST_MANIFEST,
    };
    let head = session.get(&wanted(Method::HEAD)).await;
    let digest = match &head {
        Ok(answer) => answer.headers.get("docker-content-digest").and_then(|value| Digest::parse(value.to_str().ok()?)),
        Err(Fault::Status { status: 400 | 405 | 501, .. }) => None,
        Err(fault) => return Err(fault.clone()),
    };
    match digest {
        Some(digest) => Ok(digest),
        None => Ok(Digest::of(&session.get(&wanted(Method::GET)).await?.body)),
    }
}

async fn read(session: &mut Session<'_>, digest: &Digest, platform: &Platform) -> Result<Command, Fault> {
    let mut digest = digest.clone();
    for _ in 0..DEEPEST {
        let bytes = document(session, "manifests", "manifest", &digest, LARGEST_MANIFEST).await?;
        match manifest::read(&bytes, platform)? {
            Manifest::Index(child) => digest = child,
            Manifest::Image(configuration) => {
                let what = "configuration";
                let bytes = document(session, "blobs", what, &configuration, LARGEST_CONFIGURATION).await?;
                return Ok(manifest::command(&bytes, platform)?);
            }
        }
    }
    Err(DocumentError::Garbage("index of indexes").into())
}

/// A document by its digest. A registry that gives another one lies or is broken.
async fn document(
    session: &mut Session<'_>,
    kind: &'static str,
    what: &'static str,
    digest: &Digest,
    limit: usize,
) -> Result<Vec<u8>, Fault> {
    let accept = (kind == "manifests").then_some(manifest::ACCEPTED);
    let wanted = Wanted { method: Method::GET, kind, reference: digest.as_str(), accept, what, limit };
    let body = session.get(&wanted).await?.body;
    if digest.names(&body) { Ok(body) } else { Err(Fault::Digest(what)) }
}
