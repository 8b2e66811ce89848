//! What is downloaded.

use crate::{
    Failure,
    result::{Row, Target},
    stage::Stage,
};

pub(super) fn measure(stage: &Stage) -> Result<Row, Failure> {
    let mut row = Row::new(
        "binary",
        "Size of the program".to_owned(),
        "The file as cargo builds it, without symbols. The image adds only certificates; it is not built here."
            .to_owned(),
    );
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let megabytes = std::fs::metadata(&stage.program)?.len() as f64 / 1e6;
    let size = row.figure("binary", "MB", vec![megabytes]);
    row.verdict("binary", size, "MB", Target::AtMost(12.0));
    Ok(row)
}
