//! Optional fields that the API wrote in another type.

use super::*;

#[tokio::test]
async fn an_unreadable_field_is_named_each_time_and_its_item_is_mirrored() {
    let world = World::new(target());
    let odd = |number| Remediation {
        mode: None,
        unreadable: vec!["mode", "reason"],
        ..item(number, "PENDING_APPROVAL")
    };
    for created in [2, 0, 0] {
        let (summary, left_out) = world.run(vec![odd(1), item(2, "RUNNING")]).await;
        assert_eq!((summary.created, left_out.skipped()), (created, 0));
        let message = left_out.message().unwrap();
        assert_eq!(
            message,
            format!("Unreadable fields 1: {} (mode, reason)", id(1))
        );
    }
}
