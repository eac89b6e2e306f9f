//! The images as they are built: the same bytes each time, and a bill of materials that the program itself agrees with.

use akv_tests::release::image;
use serde_json::Value;
use std::collections::BTreeSet;
use xtask::image::product::Product;
use xtask::image::{Image, sbom};

/// Where a program's messages say that a foreign crate's code was.
const REGISTRY: &str = "cargo/registry/src/";

async fn built(product: Product) -> Image {
    let built = tokio::task::spawn_blocking(move || image(product)).await;
    built.expect("it does not panic").unwrap_or_else(|failure| panic!("{failure}"))
}

/// `NAME-VERSION` of each crate whose paths stand in the program.
fn traces(program: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(program);
    // The folder of the registry, then that of the crate.
    let crates = text.split(REGISTRY).skip(1).filter_map(|path| path.split('/').nth(1));
    // In tables of the debugger a folder's name ends with a zero, and anything may follow.
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    crates.filter_map(|name| name.split(|c| !of_a_name(c)).next()).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_bill_of_an_image_names_every_crate_that_left_a_trace_in_its_program() {
    for product in Product::ALL {
        let image = built(product).await;
        let content = |path: &str| image.content(path).unwrap_or_else(|| panic!("{path} is not in the image"));
        let bill: Value = serde_json::from_slice(content(sbom::PATH)).expect("JSON");
        let listed = bill["components"].as_array().expect("components").iter();
        let listed: BTreeSet<String> = listed
            .map(|c| {
                format!("{}-{}", c["name"].as_str().unwrap_or_default(), c["version"].as_str().unwrap_or_default())
            })
            .collect();
        let traces = traces(content(product.program()));
        assert!(traces.len() > 30, "{}: {traces:?}", product.program());
        let missing: Vec<_> = traces.difference(&listed).collect();
        assert!(missing.is_empty(), "{}: not in the bill: {missing:?}", product.program());
        println!("{}: {} crates in the bill, {} seen in it", product.program(), listed.len(), traces.len());
    }
}

#[tokio::test]
async fn an_image_that_is_built_again_has_the_same_digest() {
    for product in Product::ALL {
        let name = product.repository();
        let [one, other] = [built(product).await, built(product).await];
        let digest = |image: &Image| image.write(&name, std::io::sink()).expect("nothing is written").digest;
        assert_eq!(digest(&one), digest(&other), "{name}");
    }
}
