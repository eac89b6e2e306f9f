//! What is wrong with the settings is said before anything is sent.

use akv_vault::{AuthType, Settings, VaultClient};

use crate::folder::Folder;
use crate::stage::Stage;

#[tokio::test]
async fn every_bad_file_and_variable_is_named() {
    let (stage, folder) = (Stage::secure().await, Folder::new());
    let good = |auth| Settings { auth, ..stage.settings(&folder) };
    let with = |auth, pairs: &[(&str, &str)]| {
        let mut settings = good(auth);
        for (name, text) in pairs {
            settings.environment.insert((*name).to_owned(), (*text).to_owned());
        }
        settings
    };
    let text = folder.write("text", "canary");
    let environment = AuthType::Environment;
    let cases = [
        (with(environment, &[("SSL_CERT_FILE", "/no/ca")]), "the file of SSL_CERT_FILE /no/ca cannot be read"),
        (with(environment, &[("SSL_CERT_FILE", &text)]), "holds no certificate in PEM"),
        (with(environment, &[("SSL_CERT_DIR", "/no/dir")]), "the folder of SSL_CERT_DIR /no/dir cannot be read"),
        (
            Settings { extra_ca: Some("/no/extra".into()), ..good(environment) },
            "the extra CA file /no/extra cannot be read",
        ),
        (Settings { component: "contröller".to_owned(), ..good(environment) }, "the user agent"),
        (
            Settings { cloud_config: "/no/azure.json".into(), ..good(AuthType::AzureCloudConfig) },
            "the cloud config file /no/azure.json cannot be read",
        ),
        (
            Settings { cloud_config: text.clone().into(), ..good(AuthType::AzureCloudConfig) },
            "neither a JSON object nor a YAML mapping",
        ),
        (with(environment, &[("AZURE_TENANT_ID", "")]), "AZURE_TENANT_ID is not set"),
        (with(environment, &[("AZURE_TENANT_ID", "../x")]), "invalid tenant ID ../x"),
        (with(environment, &[("AZURE_ENVIRONMENT", "AzureGermanCloud")]), "was closed"),
        (with(environment, &[("AZURE_ENVIRONMENT_FILEPATH", "/no/stack")]), "/no/stack cannot be read"),
        (
            with(environment, &[("AZURE_AUTHORITY_HOST", "http://login.localhost")]),
            "AZURE_AUTHORITY_HOST is \"http://login.localhost\"",
        ),
        (
            with(environment, &[("AZURE_CLIENT_SECRET", ""), ("AZURE_CERTIFICATE_PATH", "/no/p12")]),
            "the client certificate /no/p12 cannot be read",
        ),
        (
            with(environment, &[("AZURE_CLIENT_SECRET", ""), ("AZURE_CERTIFICATE_PATH", &text)]),
            "neither PKCS#12 nor PEM",
        ),
        (
            with(environment, &[("AZURE_CLIENT_SECRET", ""), ("AZURE_USERNAME", "u"), ("AZURE_PASSWORD", "canary")]),
            "which Entra no longer allows",
        ),
        (with(environment, &[("AZURE_CLIENT_SECRET", ""), ("MSI_ENDPOINT", "http://x")]), "MSI_ENDPOINT is set"),
        (
            with(environment, &[("AZURE_CLIENT_SECRET", ""), ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "not a url")]),
            "AZURE_POD_IDENTITY_AUTHORITY_HOST is \"not a url\"",
        ),
        (
            with(
                AuthType::EnvironmentAzidentity,
                &[("AZURE_CLIENT_SECRET", ""), ("AZURE_FEDERATED_TOKEN_FILE", "/no/token")],
            ),
            "the token file of AZURE_FEDERATED_TOKEN_FILE /no/token cannot be read",
        ),
        (
            with(
                AuthType::EnvironmentAzidentity,
                &[("AZURE_CLIENT_SECRET", ""), ("AZURE_FEDERATED_TOKEN_FILE", &folder.write("empty", "\n"))],
            ),
            "it is empty",
        ),
    ];
    for (settings, expected) in cases {
        let refusal = VaultClient::new(settings).expect_err(expected).to_string();
        assert!(refusal.contains(expected), "{refusal}\nlacks {expected}");
        assert!(!refusal.contains("canary"), "{refusal}");
    }
    assert!(stage.all().is_empty());
}
