"""Check that the firmware image does not contain the secret in readable form."""

from harness import Severity, Tester, attack, fail, inconclusive
from harness.analysis import found_in, is_telling
from harness.tester import images


@attack(
    id="IE-05",
    title="The firmware image does not hold the secret",
    failure="The firmware image holds the secret",
    severity=Severity.HIGH,
    basis="policy",
    source="UN R155 Annex 5 (28.2); CWE-321 hard-coded cryptographic key",
    cwe=(321, 798),
    r155=("28.2", "19.3"),
    rationale="An image is read from an update file, from flash memory, or from the file system. A secret that stands in it "
    "is known to all who have it, in every unit at once.",
    remediation="Keep the secret in a hardware security module or in protected memory, written in production and different "
    "in each unit.",
    proven_by=("secret_in_image",),
)
def test_the_image_does_not_hold_the_secret(tester: Tester) -> None:
    if not tester.target.security:
        raise tester.looking.without_level()
    secrets = {entry.level: entry.secret.reveal() for entry in tester.target.security if entry.secret is not None}
    if not secrets:
        inconclusive("no secret is declared that could be looked for; see [[security]] secret in the target file")
    searched = 0
    for name, content in images(tester):
        for level, secret in secrets.items():
            if how := found_in(content, secret):
                fail(expected="an image without the secret", observed=f"{name} holds that of level 0x{level:02X} ({how})")
            searched += is_telling(secret, len(content)) and len(content)
    if not searched:
        inconclusive("the image is empty, or the secret so short that chance would find it")
    tester.note(f"{searched} bytes searched, as raw bytes, hex, decimal and base64, in either order of bytes")
