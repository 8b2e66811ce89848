//! docs/reference/kstatus.md, from the rows. Pure.

use std::fmt::Write;

use super::{
    expected::Row,
    situation::Kind::{self, Mirror, Watch},
};

const HEAD: &str = "# kstatus and other tools

What kstatus, kubectl wait, Flux and [Argo CD](../guides/argo-cd.md) show in each situation.
`UPDATE_DOCS=1 cargo test --test integration gitops` produces each situation with a real operator and writes this page.

- **kstatus** reads `observedGeneration`, `Reconciling`, `Stalled` and `Ready`. Flux, Helm 4 and kpt wait by it. `Current` is green.
  `Failed` ends the wait at once. `InProgress` waits until the timeout of the tool.
- **kubectl wait** never ends early, whatever is wrong. Give it a `--timeout`.
- **Argo CD** has the scripts of [argo-cd](../argo-cd). In a cell with a slash, the first word is from the default script, the second from the strict one.
- A new object is in progress until its first sync, even before an operator has seen it.
- **For kstatus, Flux and kubectl, a ClusterWatch stays green if the operator is down**, because they have no clock (the row with
  `staleAfter`). Use the [alerts](../on-call/alerts.md) there.
";

const WATCH: &str = "
## ClusterWatch

| situation | kstatus | Flux, with [our expressions](../gitops/flux/watches.yaml) | `kubectl wait --for=condition=Ready` | Argo CD |
|---|---|---|---|---|
";

const MIRROR: &str = "
## Remediation

To wait for any final state, use `--for=jsonpath='{.status.open}'=false`. Flux applies no Remediation, so it shows none.

| situation | kstatus | `kubectl wait --for=condition=Succeeded` | Argo CD |
|---|---|---|---|
";

/// The whole file.
pub(super) fn render(rows: &[Row]) -> String {
    let mut page = HEAD.to_owned();
    for (kind, head) in [(Watch, WATCH), (Mirror, MIRROR)] {
        page += head;
        for row in rows.iter().filter(|row| row.kind == kind) {
            let _ = writeln!(page, "{}", line(kind, row));
        }
    }
    page
}

fn line(kind: Kind, row: &Row) -> String {
    let (what, kstatus) = (row.what, row.kstatus);
    let waited = if row.waited { "met" } else { "waits" };
    let argo = match (row.argo, row.strict()) {
        (argo, strict) if argo == strict => argo.to_owned(),
        (argo, strict) => format!("{argo} / {strict}"),
    };
    match kind {
        Watch => format!(
            "| {what} | {kstatus:?} | {:?} | {waited} | {argo} |",
            row.flux
        ),
        Mirror => format!("| {what} | {kstatus:?} | {waited} | {argo} |"),
    }
}
