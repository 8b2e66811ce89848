//! How a person approves a remediation: pure.

/// The modes that an approval can name. `HOST_POWER_CYCLE` is none of them, though the CLI offers it: the Together API
/// refuses it as an override.
const NAMED: [&str; 4] = [
    "VM_ONLY",
    "HOST_AWARE",
    "EVICT_WITHOUT_REPLACEMENT",
    "REBOOT_VM",
];

/// What to do to approve the remediation `id`, mirrored with `mode`. Where there is a command, it is the end, so that nothing
/// else is copied along with it.
///
/// The command names the mode: without that it would approve whatever mode holds by then. It is for a shell, so there is
/// none for an `id` that a shell or the CLI could read as anything but one word.
#[must_use]
pub fn how_to_approve(id: &str, mode: Option<&str>) -> String {
    if !is_plain(id) {
        return "To approve, use the Together console: the id has characters that are not safe in a command".to_owned();
    }
    let command = format!("tg clusters remediations approve {id}");
    match mode {
        Some(mode) if NAMED.contains(&mode) => format!("To approve: {command} --mode {mode}"),
        Some("HOST_POWER_CYCLE") => {
            format!("First check that the mode is still HOST_POWER_CYCLE, then approve: {command}")
        }
        _ => format!("First check the mode, then approve: {command}"),
    }
}

/// Whether every shell takes `id` for one word, and no command for an option: ASCII letters, digits, `-`, `_` and `.`, the
/// first one no `-`.
fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !id.is_empty() && !id.starts_with('-') && id.bytes().all(plain)
}
