"""The credentials of Microsoft's SDK for Python, unmodified, against the token service of local-vault.

LOCAL_VAULT names the program, SEED its seed. One line for each check, `N passed, N failed` at the end.
"""

import contextlib
import datetime
import json
import os
import pathlib
import sys
import tempfile
import time

import jwt
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ManagedIdentityCredential, WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from oracle import CHECKS, check, equal, fails, run

# Those of oracle.py want its seed.
CHECKS.clear()

CLIENT = "aaaaaaaa-0000-0000-0000-00000000000"
RESOURCE_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/assigned"
KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
HOLDER = tempfile.TemporaryDirectory(prefix="logins-")
FOLDER = pathlib.Path(HOLDER.name)


def pem(key):
    """A key with a certificate of its own, as the SDK reads it, and the certificate alone."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "application")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    certificate = made.public_bytes(serialization.Encoding.PEM)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form) + certificate, certificate


def options(s):
    return {"authority": s.env["AZURE_AUTHORITY_HOST"], "disable_instance_discovery": True}


def reads(s, credential):
    equal(SecretClient(s.url, credential=credential).get_secret("greeting").value, "hello")


def refused(s, credential, code):
    error = fails(ClientAuthenticationError, lambda: SecretClient(s.url, credential=credential).get_secret("greeting"))
    equal(f"AADSTS{code}" in str(error), True)


@check("a registered certificate logs in, and another does not")
def certificate(s):
    for data, code in ((APPLICATION[0], None), (pem(OTHER)[0], 700027)):
        tenant = s.env["AZURE_TENANT_ID"]
        credential = CertificateCredential(tenant, f"{CLIENT}1", certificate_data=data, **options(s))
        if code:
            refused(s, credential, code)
        else:
            reads(s, credential)


def cluster(s, subject="system:serviceaccount:team-a:app", key=KEY, expires=600, audience="api://AzureADTokenExchange"):
    """The credential of a pod whose projected token says that."""
    now = int(time.time())
    claims = {"iss": "https://cluster.example/", "sub": subject, "aud": [audience], "nbf": now - 10, "exp": now + expires}
    file = FOLDER / f"token-{time.monotonic_ns()}"
    file.write_text(jwt.encode(claims, key, "RS256", {"kid": "cluster-1"}))
    arguments = {"tenant_id": s.env["AZURE_TENANT_ID"], "client_id": f"{CLIENT}2", "token_file_path": str(file)}
    return WorkloadIdentityCredential(**arguments, **options(s))


@check("a token of the cluster logs in, and one for or by somebody else or of yesterday does not")
def workload(s):
    reads(s, cluster(s))
    refused(s, cluster(s, subject="system:serviceaccount:team-b:app"), 700213)
    refused(s, cluster(s, audience="https://kubernetes.default.svc"), 700212)
    refused(s, cluster(s, key=OTHER), 700027)
    refused(s, cluster(s, expires=-86400), 700024)


@contextlib.contextmanager
def variables(**values):
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def whose(s, **arguments):
    """The identity that the machine gives a token for, by its client id."""
    credential = ManagedIdentityCredential(**arguments)
    reads(s, credential)
    host = s.url.rstrip("/").split(".", 1)[1]
    token = credential.get_token(f"https://{host}/.default").token
    return jwt.decode(token, options={"verify_signature": False})["appid"]


@check("the machine's identity and one that is assigned to it, by each of its ids, of App Service and of a virtual machine")
def managed(s):
    machine = s.env["LOCAL_VAULT_ADMIN"].removesuffix("/admin")
    # What the vault prints for an identity that it is asked for; this one was started for another.
    header = f"local-{s.url.rstrip('/').rsplit(':', 1)[1]}"
    for place in (
        {"IDENTITY_ENDPOINT": f"{machine}/msi/token", "IDENTITY_HEADER": header},
        {"AZURE_POD_IDENTITY_AUTHORITY_HOST": machine},
    ):
        with variables(**place):
            equal(whose(s) not in (f"{CLIENT}1", f"{CLIENT}2", f"{CLIENT}3"), True)
            equal(whose(s, client_id=f"{CLIENT}3"), f"{CLIENT}3")
            equal(whose(s, identity_config={"object_id": f"{CLIENT}4"}), f"{CLIENT}3")
            equal(whose(s, identity_config={"resource_id": RESOURCE_ID}), f"{CLIENT}3")
            for unknown in ({"client_id": f"{CLIENT}1"}, {"identity_config": {"object_id": f"{CLIENT}3"}}):
                fails(ClientAuthenticationError, lambda: whose(s, **unknown))


APPLICATION = pem(KEY)

if __name__ == "__main__":
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
    text = pathlib.Path(os.environ["SEED"]).read_text()
    text = text.replace("[CERTIFICATE]", json.dumps([APPLICATION[1].decode()]))
    seed = FOLDER / "vault.yaml"
    seed.write_text(text.replace("KEYS", json.dumps({"keys": [{**public, "kid": "cluster-1"}]})))
    sys.exit(run(str(seed)))
