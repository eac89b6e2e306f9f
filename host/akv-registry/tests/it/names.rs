//! Arbitrary text as image names and pull secrets.

use akv_registry::{Host, Image, Kind, PullSecret};
use proptest::prelude::*;

proptest! {
    // A test writes nothing beside the sources.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_strange_for_an_image_name(text in ".{0,400}") {
        let _ = Image::parse(&text);
    }

    #[test]
    fn an_image_name_means_the_same_when_it_is_read_again(text in "([a-zA-Z0-9.:\\[\\]-]{1,20}/)?[a-z0-9._/-]{1,30}(:[a-zA-Z0-9._-]{1,10})?(@sha256:[a-f0-9]{64})?") {
        if let Ok(image) = Image::parse(&text) {
            prop_assert_eq!(Image::parse(&image.to_string()), Ok(image));
        }
    }

    #[test]
    fn an_image_goes_to_the_host_that_its_name_says(text in "[a-zA-Z0-9.:@/%\\\\\\[\\]#?_-]{1,60}") {
        if let Ok(image) = Image::parse(&text) {
            let url = reqwest::Url::parse(&format!("https://{}/v2/{}/manifests/{}", image.host(), image.repository(), image.reference()));
            let url = url.expect("a URL");
            // An IPv6 address has many spellings, of which a URL has one.
            if !image.host().name().starts_with('[') {
                prop_assert_eq!(url.host_str(), Some(image.host().name()));
            }
            prop_assert_eq!(url.username(), "");
            let path = format!("/v2/{}/manifests/{}", image.repository(), image.reference());
            prop_assert_eq!(url.path(), path.as_str());
            prop_assert_eq!(url.query(), None);
        }
    }

    #[test]
    fn no_text_is_too_strange_for_a_host(text in ".{0,300}") {
        let _ = Host::parse(&text);
    }

    #[test]
    fn no_bytes_are_too_strange_for_a_pull_secret(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for kind in [Kind::DockerConfigJson, Kind::DockerCfg] {
            let _ = PullSecret::parse(kind, &bytes);
        }
    }

    #[test]
    fn no_entry_of_a_pull_secret_is_too_strange(key in ".{0,40}", auth in "[a-zA-Z0-9+/=!]{0,40}", user in ".{0,10}") {
        let text = serde_json::json!({"auths": {key: {"auth": auth, "username": user}}}).to_string();
        if let Err(fault) = PullSecret::parse(Kind::DockerConfigJson, text.as_bytes()) {
            prop_assert!(auth.len() < 4 || !fault.to_string().contains(&auth), "{}", fault);
        }
    }
}
