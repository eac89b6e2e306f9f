//! The limits of the service, over HTTP.

use crate::stage::{SEED, Stage};
use futures::stream::StreamExt as _;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_vault_that_is_asked_too_much_says_429_and_when_to_come_again() {
    let stage =
        Stage::start(&format!("throttle: true\n{SEED}  secrets: [{{name: db, value: one}}]\n- name: other\n")).await;
    let token = stage.token().await;
    let begun = Instant::now();
    let (stage, token) = (&stage, &token);
    let replies = futures::stream::iter(0..4500).map(|_| stage.get("/secrets/db", token));
    let replies: Vec<_> = replies.buffer_unordered(16).collect().await;
    // A slow machine may need more than one window.
    let windows = begun.elapsed().as_secs() / 10 + 1;
    let admitted = replies.iter().filter(|r| r.status == 200).count() as u64;
    assert!(admitted <= 4000 * windows && admitted >= 4000, "{admitted} in {windows} windows");
    let refused: Vec<_> = replies.iter().filter(|r| r.status != 200).collect();
    for reply in &refused {
        assert_eq!((reply.status, reply.code().as_str()), (429, "Throttled"));
        assert_eq!(
            reply.message(),
            "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"
        );
        assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|s| (1..=10).contains(&s)), "{reply:?}");
    }
    assert!(windows > 1 || refused.len() == 500, "{}", refused.len());
    let other = stage.url("/secrets/db").replace("//shop.", "//other.");
    let other = stage.send(stage.http.get(other).bearer_auth(token)).await;
    assert_eq!(other.status, 403, "another vault has its own limits, and asks for a role");
    let counted = stage.vault.counters().get("shop secrets.get db").copied();
    assert_eq!(counted, Some(4500), "what was refused was asked, too");
    println!("4500 requests in {:?}", begun.elapsed().max(Duration::from_millis(1)));
}
