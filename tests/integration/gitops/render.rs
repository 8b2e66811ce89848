//! docs/reference/kstatus.md, from the rows. Pure.

use std::fmt::Write;

use super::{
    expected::Row,
    situation::Kind::{self, Mirror, Watch},
};

const HEAD: &str = "# What tools see: kstatus, kubectl wait, Argo CD, Flux

Made by `UPDATE_DOCS=1 cargo test --test integration gitops`: each line is made by a real operator on a real API server, and shown
to the real kubectl, the real Argo CD, the rules of kstatus (in Helm 4 the real one, for three of them) and Flux's expressions.
How to set the tools up: [gitops.md](../guides/argo-cd.md). What each fault of the API leads to: [faults.md](faults.md). Both kinds are in
progress from their first moment, before any operator has seen them: nothing is green that was never synced.

- **kstatus** reads `observedGeneration`, `Reconciling`, `Stalled` and `Ready`. Flux, Helm 4 and kpt wait by it. `Current` is green,
  `Failed` ends the waiting at once, `InProgress` waits until the tool's timeout.
- **kubectl wait** is met or waits on; it never ends early, whatever is wrong: give it a `--timeout`.
- **Argo CD** has the scripts of [argo-cd](../argo-cd). The stricter one says Degraded where both words stand.
- Only Argo CD's script looks at the clock: **for kstatus, Flux and kubectl a watch stays green when the operator is dead** (the line
  with `staleAfter`). There, alerts tell ([alerts.md](../on-call/alerts.md)).
";

const WATCH: &str = "
## ClusterWatch

| it is | kstatus | Flux, with [our expressions](../gitops/flux/watches.yaml) | `kubectl wait --for=condition=Ready` | Argo CD |
|---|---|---|---|---|
";

const MIRROR: &str = "
## Remediation

For `kubectl wait` the condition is `Succeeded`; to wait for any end: `--for=jsonpath='{.status.open}'=false`. Flux applies no
Remediation and looks at none.

| it is | kstatus | `kubectl wait --for=condition=Succeeded` | Argo CD |
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
