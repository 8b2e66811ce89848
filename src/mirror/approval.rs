//! How a person approves a remediation: pure.

/// The modes that an approval can name. `HOST_POWER_CYCLE` is missing although the CLI offers it, because the Together
/// API rejects it as an override.
const NAMED: [&str; 4] = [
    "VM_ONLY",
    "HOST_AWARE",
    "EVICT_WITHOUT_REPLACEMENT",
    "REBOOT_VM",
];

/// How to approve the remediation `id`, mirrored with `mode`. A command is at the end of the text, so that nothing else
/// is copied with it.
///
/// The command names the mode, because otherwise it would approve whatever the mode is by then. There is no command for
/// an `id` that a shell or the CLI could read as anything but one word.
#[must_use]
pub fn how_to_approve(id: &str, mode: Option<&str>) -> String {
    if !is_plain(id) {
        return "To approve, use the Together console: the id contains characters that are unsafe in a command".to_owned();
    }
    let command = format!("tg clusters remediations approve {id}");
    match mode {
        Some(mode) if NAMED.contains(&mode) => format!("To approve: {command} --mode {mode}"),
        Some("HOST_POWER_CYCLE") => {
            format!("Check that the mode is still HOST_POWER_CYCLE, then approve: {command}")
        }
        _ => format!("Check the mode, then approve: {command}"),
    }
}

/// Whether every shell reads `id` as one word, and no command reads it as an option: ASCII letters, digits, `-`, `_`
/// and `.`, not starting with `-`.
fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !id.is_empty() && !id.starts_with('-') && id.bytes().all(plain)
}
