"""Microsoft's SDK for Python, unmodified, against local-vault: what the SDK accepts is what Key Vault would have said.

LOCAL_VAULT names the program, SEED its seed. One line for each check, `N passed, N failed` at the end.
"""

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

TOKEN_KEY = pathlib.Path(__file__).parents[2] / "host/local-vault/src/keys/token.pem"
TOKEN_KID = "local-vault-1"
STRANGER = ("22222222-2222-2222-2222-222222222222", "stranger-client-secret")
TLS = [f"tls-{i:02}" for i in range(30)]
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


def start():
    """The program and what it printed: variables, and the addresses of its vaults."""
    program = subprocess.Popen(
        [os.environ["LOCAL_VAULT"], "--seed", os.environ["SEED"]], stdout=subprocess.PIPE, text=True
    )
    variables, vaults = {}, {}
    # It prints everything at once and then holds its output open: the vault is the last line.
    for line in program.stdout:
        if found := re.fullmatch(r"export (\w+)='(.*)'", line.strip()):
            variables[found[1]] = found[2]
        elif found := re.fullmatch(r"# vault (\S+): (\S+)", line.strip()):
            vaults[found[1]] = found[2]
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
    equal([n for n in sorted(listed) if listed[n]], sorted([*TLS, "site-pem"]))


@check("a page of secrets holds 25, and the first is not the last")
def pages(s):
    sizes = [len(list(page)) for page in s.secrets.list_properties_of_secrets().by_page()]
    equal((sizes[0], sum(sizes), max(sizes)), (25, len(ADDED) + len(TLS) + 3, 25))


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
    equal(sorted(p.name for p in s.certificates.list_properties_of_certificates()), sorted([*TLS, "site-pem"]))


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
    equal(sorted(p.name for p in s.keys.list_properties_of_keys()), sorted([*TLS, "site-pem", "lone-ec", "lone-rsa"]))


@check("an identity without a role is 403 with innererror ForbiddenByRbac")
def no_role(s):
    other = Session(s.env, s.url, *STRANGER)
    for call in (other.secrets.get_secret, other.certificates.get_certificate, other.keys.get_key):
        error = fails(HttpResponseError, lambda: call("tls-00"))
        body = error.response.json()["error"]
        equal((error.status_code, body["code"], body["innererror"]["code"]), (403, "Forbidden", "ForbiddenByRbac"))


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


def claims_of(s):
    return jwt.decode(s.token(), options={"verify_signature": False})


def signed(claims):
    return jwt.encode(claims, TOKEN_KEY.read_text(), algorithm="RS256", headers={"kid": TOKEN_KID})


@check("a token of the service's own key and claims is let in: what follows is refused for what it says")
def own(s):
    equal(s.get("secrets/greeting", signed(claims_of(s))).status_code, 200)


@check("a token that another key signed is 401")
def forged(s):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    equal(s.get("secrets/greeting", jwt.encode(claims_of(s), key, "RS256", {"kid": TOKEN_KID})).status_code, 401)


@check("a token whose claims were changed after it was signed is 401")
def changed(s):
    claims = claims_of(s)
    signature = signed(claims).rsplit(".", 1)[1]
    head = signed({**claims, "exp": claims["exp"] + 60}).rsplit(".", 1)[0]
    equal(s.get("secrets/greeting", f"{head}.{signature}").status_code, 401)


@check("a token without signature (alg none) is 401")
def unsigned(s):
    equal(s.get("secrets/greeting", jwt.encode(claims_of(s), None, "none")).status_code, 401)


def wrong(name, value):
    @check(f"a token with a wrong {name} is 401")
    def one(s):
        claims = claims_of(s)
        claims[name] = value(claims)
        equal(s.get("secrets/greeting", signed(claims)).status_code, 401)


wrong("aud", lambda _: "https://management.localhost")
wrong("tid", lambda _: "99999999-9999-9999-9999-999999999999")
wrong("iss", lambda claims: claims["iss"].replace("login.", "other."))
wrong("exp", lambda _: int(time.time()) - 5)
wrong("nbf", lambda _: int(time.time()) + 3600)


def main():
    resolve_localhost()
    program, env, url = start()
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
    sys.exit(main())
