"""Microsoft's SDK for Python, unmodified, against local-vault: what the SDK accepts is what Key Vault would have said.

LOCAL_VAULT names the program, SEED its seed. One line for each check, `N passed, N failed` at the end.
"""

import base64
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import jwt
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import CertificateClient
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

TOKEN_KEY = pathlib.Path(__file__).parents[2] / "host/local-vault/src/keys/token.pem"
TOKEN_KID = "local-vault-1"
STRANGER = ("22222222-2222-2222-2222-222222222222", "stranger-client-secret")
TLS = [f"tls-{i:02}" for i in range(30)]
SITES = ["site-pem", "site-p521", "site-locked"]
ADDED = [f"added-{i:02}" for i in range(30)]

CHECKS = []


def check(sentence):
    """Registers a function as a check; they run in the order of this file."""

    def register(function):
        CHECKS.append((sentence, function))
        return function

    return register


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"found {found!r}, expected {expected!r}")


def fails(kind, function):
    try:
        function()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def resolve_localhost():
    """Every name below .localhost is this machine (RFC 6761); not every resolver knows."""
    original = socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        return original("127.0.0.1" if name and name.endswith(".localhost") else host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo


def start(seed):
    """The program and what it printed: variables, and the address of its vault `oracle`, which is the last in the seed."""
    program = subprocess.Popen([os.environ["LOCAL_VAULT"], "--seed", seed], stdout=subprocess.PIPE, text=True)
    variables, vaults = {}, {}
    for line in program.stdout:
        if found := re.fullmatch(r"export (\w+)='(.*)'", line.strip()):
            variables[found[1]] = found[2]
        elif found := re.fullmatch(r"# vault (\S+): (\S+)", line.strip()):
            vaults[found[1]] = found[2]
            if found[1] == "oracle":
                break
    if "oracle" not in vaults:
        program.kill()
        sys.exit(f"local-vault ended with {program.wait()} before it named the vault `oracle`")
    return program, variables, vaults["oracle"]


class Session:
    """Clients of one identity."""

    def __init__(self, env, url, client_id, secret):
        self.env, self.url = env, url
        self.credential = ClientSecretCredential(
            env["AZURE_TENANT_ID"], client_id, secret,
            authority=env["AZURE_AUTHORITY_HOST"], disable_instance_discovery=True,
        )
        options = {"credential": self.credential}
        self.secrets = SecretClient(url, **options)
        self.certificates = CertificateClient(url, **options)
        self.keys = KeyClient(url, **options)

    def token(self):
        host = self.url.removeprefix("https://").rstrip("/").split(".", 1)[1]
        return self.credential.get_token(f"https://{host}/.default").token

    def get(self, path, token):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.get(f"{self.url.rstrip('/')}/{path}?api-version=7.6", headers=headers, timeout=30)


@check("the latest version of a secret, with its attributes")
def latest(s):
    secret = s.secrets.get_secret("greeting")
    equal((secret.value, secret.properties.content_type, secret.properties.tags), ("second", "text/plain", {"team": "shop"}))
    equal((secret.properties.version, secret.properties.enabled), (f"{2:032}", True))


@check("an older version of a secret")
def older(s):
    equal(s.secrets.get_secret("greeting", f"{1:032}").value, "first")


@check("a disabled secret is 403 with innererror SecretDisabled")
def disabled(s):
    error = fails(HttpResponseError, lambda: s.secrets.get_secret("switched-off"))
    equal((error.status_code, error.response.json()["error"]["innererror"]["code"]), (403, "SecretDisabled"))


@check("a secret is set, read back, updated, deleted, recovered, deleted and purged")
def life(s):
    version = s.secrets.set_secret("life", "born", content_type="text/plain", tags={"a": "b"}).properties.version
    equal(s.secrets.get_secret("life").value, "born")
    equal(s.secrets.update_secret_properties("life", version, tags={"a": "c"}).tags, {"a": "c"})
    equal(s.secrets.begin_delete_secret("life", _polling_interval=0).result().name, "life")
    fails(ResourceNotFoundError, lambda: s.secrets.get_secret("life"))
    equal(s.secrets.begin_recover_deleted_secret("life", _polling_interval=0).result().name, "life")
    equal(s.secrets.get_secret("life").value, "born")
    s.secrets.begin_delete_secret("life", _polling_interval=0).wait()
    s.secrets.purge_deleted_secret("life")
    fails(ResourceNotFoundError, lambda: s.secrets.get_deleted_secret("life"))


@check("a secret that is not there is SecretNotFound")
def absent(s):
    error = fails(ResourceNotFoundError, lambda: s.secrets.get_secret("nothing-here"))
    equal(error.response.json()["error"]["code"], "SecretNotFound")


@check("secrets are listed over pages, and those of certificates are managed")
def list_secrets(s):
    for name in ADDED:
        s.secrets.set_secret(name, f"value of {name}")
    listed = {p.name: bool(p.managed) for p in s.secrets.list_properties_of_secrets()}
    equal([n for n in sorted(listed) if not listed[n]], sorted([*ADDED, "greeting", "switched-off"]))
    equal([n for n in sorted(listed) if listed[n]], sorted([*TLS, *SITES]))


@check("a page of secrets holds 25, and the first is not the last")
def pages(s):
    sizes = [len(list(page)) for page in s.secrets.list_properties_of_secrets().by_page()]
    equal((sizes[0], sum(sizes), max(sizes)), (25, len(ADDED) + len(TLS) + 2 + len(SITES), 25))


@check("versions of a secret are listed over pages")
def versions(s):
    made = {s.secrets.set_secret("many", f"value {i}").properties.version for i in range(27)}
    equal({p.version for p in s.secrets.list_properties_of_secret_versions("many")}, made)


@check("a certificate, its policy, its public key and its secret belong together")
def certificate(s):
    found = s.certificates.get_certificate("site-pem")
    leaf = x509.load_der_x509_certificate(bytes(found.cer))
    equal(leaf.subject.rfc4514_string(), "CN=site")
    equal((found.policy.content_type, found.policy.exportable), ("application/x-pem-file", True))
    key = s.keys.get_key("site-pem").key
    equal((int.from_bytes(key.n), int.from_bytes(key.e)), (leaf.public_key().public_numbers().n, 65537))
    pem = s.secrets.get_secret("site-pem").value.encode()
    equal(serialization.load_pem_private_key(pem, None).public_key(), leaf.public_key())
    equal((len(x509.load_pem_x509_certificates(pem)), x509.load_pem_x509_certificates(pem)[0]), (2, leaf))


@check("certificates are listed over pages")
def list_certificates(s):
    equal(sorted(p.name for p in s.certificates.list_properties_of_certificates()), sorted([*TLS, *SITES]))


@check("versions of a certificate are listed")
def certificate_versions(s):
    version = s.certificates.get_certificate("tls-00").properties.version
    equal([p.version for p in s.certificates.list_properties_of_certificate_versions("tls-00")], [version])


@check("a key that was made alone, by its curve")
def key(s):
    found = s.keys.get_key("lone-ec")
    equal((found.key_type, found.key.crv, len(found.key.x), found.key.d), ("EC", "P-384", 48, None))


@check("keys are listed over pages")
def list_keys(s):
    equal(sorted(p.name for p in s.keys.list_properties_of_keys()), sorted([*TLS, *SITES, "lone-ec", "lone-rsa"]))


def claims_of(s):
    return jwt.decode(s.token(), options={"verify_signature": False})


def refused(session, call):
    """Status, code and inner code of a refusal, its text, and the caller in Key Vault's words."""
    error = fails(HttpResponseError, call)
    body, claims = error.response.json()["error"], claims_of(session)
    who = f"appid={claims['appid']};oid={claims['oid']};iss={claims['iss']}"
    return (error.status_code, body["code"], body["innererror"]["code"]), body["message"], who


@check("an identity without a role is 403 with innererror ForbiddenByRbac, and told who, what and where")
def no_role(s):
    other = Session(s.env, s.url, *STRANGER)
    for call, action, resource in (
        (lambda: other.secrets.get_secret("tls-00"), "secrets/getSecret/action", "/secrets/tls-00"),
        (lambda: other.secrets.set_secret("new", "x"), "secrets/setSecret/action", "/secrets/new"),
        (lambda: list(other.secrets.list_properties_of_secrets()), "secrets/readMetadata/action", ""),
        (lambda: other.certificates.get_certificate("tls-00"), "certificates/read", "/certificates/tls-00"),
        (lambda: other.keys.get_key("tls-00"), "keys/read", "/keys/tls-00"),
    ):
        found, text, who = refused(other, call)
        equal(found, (403, "Forbidden", "ForbiddenByRbac"))
        lines = text.split("\r\n")
        equal(lines[0], "Caller is not authorized to perform action on resource.")
        equal(lines[2:4], [f"Caller: {who}", f"Action: 'Microsoft.KeyVault/vaults/{action}'"])
        resource = f"/providers/microsoft.keyvault/vaults/oracle{resource}'"
        equal((lines[4].startswith("Resource: '/subscriptions/"), lines[4].endswith(resource)), (True, True))
        equal((lines[5], lines[-2]), ("Assignment: (not found)", "Vault: oracle;location=local"))


@check("a vault with access policies says ForbiddenByPolicy, and which permission is missing")
def no_policy(s):
    other = Session(s.env, s.url.replace("//oracle.", "//policies."), *STRANGER)
    for call, permission in (
        (lambda: other.secrets.get_secret("x"), "secrets get"),
        (lambda: other.secrets.set_secret("x", "y"), "secrets set"),
        (lambda: list(other.keys.list_properties_of_keys()), "keys list"),
    ):
        found, text, who = refused(other, call)
        equal(found, (403, "Forbidden", "ForbiddenByPolicy"))
        missing = f"does not have {permission} permission on key vault 'policies;location=local'. For help"
        equal(text.startswith(f"The user, group or application '{who}' {missing}"), True)


@check("a secret that belongs to a certificate cannot be set, updated or deleted by itself")
def managed(s):
    for call in (
        lambda: s.secrets.set_secret("tls-00", "x"),
        lambda: s.secrets.update_secret_properties("tls-00", tags={"a": "b"}),
        lambda: s.secrets.begin_delete_secret("tls-00"),
    ):
        found, text, _ = refused(s, call)
        equal(found, (403, "Forbidden", "SecretManagedByKeyVault"))
        equal("since it is associated with a certificate" in text, True)


@check("a value of 25 KiB is taken, and a longer one is BadParameter")
def large(s):
    equal(s.secrets.set_secret("large", "x" * 25600).name, "large")
    error = fails(HttpResponseError, lambda: s.secrets.set_secret("large", "x" * 25601))
    equal((error.status_code, error.response.json()["error"]["code"]), (400, "BadParameter"))


@check("a request without a version of the interface, or with an unknown one, is BadParameter")
def api_version(s):
    for query, text in (("", "api-version must be specified"), ("?api-version=7.99", "The specified version (7.99) is")):
        url = f"{s.url.rstrip('/')}/secrets/greeting{query}"
        answer = requests.get(url, headers={"Authorization": f"Bearer {s.token()}"}, timeout=30)
        error = answer.json()["error"]
        equal((answer.status_code, error["code"], error["message"].startswith(text)), (400, "BadParameter", True))


@check("a certificate on P-521 signs itself, and is its key's")
def p521(s):
    leaf = x509.load_der_x509_certificate(bytes(s.certificates.get_certificate("site-p521").cer))
    leaf.verify_directly_issued_by(leaf)
    key, numbers = s.keys.get_key("site-p521").key, leaf.public_key().public_numbers()
    equal((key.crv, int.from_bytes(key.x), int.from_bytes(key.y)), ("P-521", numbers.x, numbers.y))
    pem = s.secrets.get_secret("site-p521").value.encode()
    equal(serialization.load_pem_private_key(pem, None).public_key(), leaf.public_key())


@check("a certificate that is not exportable has no private key in its secret")
def locked(s):
    found = s.certificates.get_certificate("site-locked")
    pfx = base64.b64decode(s.secrets.get_secret("site-locked").value)
    key, _, others = pkcs12.load_key_and_certificates(pfx, b"")
    others = [c.public_bytes(serialization.Encoding.DER) for c in others]
    equal((found.policy.exportable, key, others), (False, None, [bytes(found.cer)]))


@check("a wrong client secret is refused by the token service")
def wrong_secret(s):
    other = Session(s.env, s.url, s.env["AZURE_CLIENT_ID"], "wrong")
    error = fails(ClientAuthenticationError, lambda: other.secrets.get_secret("greeting"))
    equal("AADSTS7000215" in str(error), True)


@check("a request without a token is 401, and its challenge names authority and resource")
def challenge(s):
    answer = s.get("secrets/greeting", None)
    header = answer.headers["WWW-Authenticate"]
    authority = s.env["AZURE_AUTHORITY_HOST"] + s.env["AZURE_TENANT_ID"]
    equal((answer.status_code, f'authorization="{authority}"' in header, 'resource="https://' in header), (401, True, True))


def signed(claims):
    return jwt.encode(claims, TOKEN_KEY.read_text(), algorithm="RS256", headers={"kid": TOKEN_KID})


def unauthorized(s, token, text):
    """That the token is refused, in words that begin so."""
    answer = s.get("secrets/greeting", token)
    error = answer.json()["error"]
    equal((answer.status_code, error["code"], error["message"][: len(text)]), (401, "Unauthorized", text))


UNKNOWN_KEY = "AKV10046: Unable to resolve the key used for signature validation. EncodedJwtHeader: '"


@check("a token of the service's own key and claims is let in: what follows is refused for what it says")
def own(s):
    equal(s.get("secrets/greeting", signed(claims_of(s))).status_code, 200)


@check("no token is AKV10000")
def bare(s):
    unauthorized(s, None, "AKV10000: Request is missing a Bearer or PoP token.")


@check("a token that another key signed is AKV10046")
def forged(s):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    unauthorized(s, jwt.encode(claims_of(s), key, "RS256", {"kid": TOKEN_KID}), UNKNOWN_KEY)


@check("a token whose claims were changed after it was signed is AKV10046")
def changed(s):
    claims = claims_of(s)
    signature = signed(claims).rsplit(".", 1)[1]
    head = signed({**claims, "exp": claims["exp"] + 60}).rsplit(".", 1)[0]
    unauthorized(s, f"{head}.{signature}", UNKNOWN_KEY)


@check("a token without signature (alg none) is AKV10046")
def unsigned(s):
    unauthorized(s, jwt.encode(claims_of(s), None, "none", {"kid": TOKEN_KID}), UNKNOWN_KEY)


@check("a token without kid is AKV10046")
def no_kid(s):
    unauthorized(s, jwt.encode(claims_of(s), TOKEN_KEY.read_text(), "RS256"), UNKNOWN_KEY)


def wrong(name, value, text):
    @check(f"a token with a wrong {name} is refused: {text}")
    def one(s):
        claims = claims_of(s)
        claims[name] = value(claims)
        unauthorized(s, signed(claims), text)


wrong("aud", lambda _: "https://management.localhost", "AKV10022: Invalid audience. Expected https://vault.localhost:")
wrong("tid", lambda _: "99999999-9999-9999-9999-999999999999", "AKV10032: Invalid issuer. Expected one of https://login.")
wrong("iss", lambda c: c["iss"].replace("login.", "other."), "AKV10032: Invalid issuer. Expected one of https://login.")
wrong("exp", lambda _: int(time.time()) - 5, "[TokenExpired] Error validating token: 'S2S12086'.")
wrong("nbf", lambda _: int(time.time()) + 3600, "Error validating token: 'S2S12086'.")


def run(seed):
    """Every check against a vault of that seed; whether one failed."""
    resolve_localhost()
    program, env, url = start(seed)
    # `requests`, below the SDK too, reads this variable and not SSL_CERT_FILE; proxies do not know loopback names.
    os.environ.update(REQUESTS_CA_BUNDLE=env["SSL_CERT_FILE"], NO_PROXY="localhost,.localhost,127.0.0.1")
    failed = 0
    try:
        session = Session(env, url, env["AZURE_CLIENT_ID"], env["AZURE_CLIENT_SECRET"])
        for sentence, function in CHECKS:
            try:
                function(session)
                print(f"ok    {sentence}")
            except Exception as error:  # a check that breaks is a check that failed
                failed += 1
                print(f"FAIL  {sentence}: {type(error).__name__}: {error}")
    finally:
        program.terminate()
        program.wait()
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(run(os.environ["SEED"]))
