//! Who judges which reports: moderators of the node, and those of a community.

use federation_core::testing::on_each_backend;
use serde_json::{Value, json};

use super::appoint;
use crate::chat::world::World;
use crate::communities::village::{Village, people};

const REPORTS: &str = "/api/v1/moderation/reports";

fn about(said: &Value) -> Value {
    json!({"target": {"message": said["id"]}, "reason": "abuse", "comment": "please look"})
}

#[test]
fn attack_judges_of_a_community_see_no_reports_of_channels_that_they_do_not_see() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let names = ["owner", "ann", "bob", "reeve", "mod"];
        let (operator, members) = people(&world, &names).await;
        let [owner, ann, bob, reeve, moderator] = &members[..] else {
            panic!()
        };
        appoint(&operator, moderator).await;
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob, reeve] {
            village.let_in(owner, member).await;
        }
        let role = village.role(owner, "reeve", &["moderate_content"]).await;
        village.give(owner, &role, reeve).await;
        let cellar = json!({"name": "cellar", "is_private": true});
        let cellar = village.channel(owner, &cellar).await;
        for member in [ann, bob] {
            let path = format!("/api/v1/channels/{cellar}/members/{}", member.id);
            owner.put(&path, &json!({})).await.expect(204);
        }
        let open = ann.say(&village.square, "in the open").await;
        let hidden = ann.say(&cellar, "behind the door").await;
        let open = bob.post(REPORTS, &about(&open)).await.expect(201);
        let hidden = bob.post(REPORTS, &about(&hidden)).await.expect(201);
        let of_channel = json!({"target": {"channel": cellar}, "reason": "other"});
        bob.post(REPORTS, &of_channel).await.expect(201);

        let listed = village.path("/reports");
        let seen = reeve.get(&listed).await.expect(200);
        let ids: Vec<&Value> = seen["items"].as_array().unwrap().iter().collect();
        assert_eq!(ids.len(), 1, "{seen:#}");
        assert_eq!(ids[0]["id"], open["id"]);
        let path = village.path(&format!("/reports/{}", hidden["id"].as_str().unwrap()));
        reeve.get(&path).await.expect_problem(404, "not_found");
        let dismiss = json!({"state": "dismissed"});
        reeve
            .patch(&path, &dismiss)
            .await
            .expect_problem(404, "not_found");
        // Who sees the channel, and the moderators of the node, see them; who does not is asked for none.
        let all = owner.get(&listed).await.expect(200);
        assert_eq!(all["items"].as_array().unwrap().len(), 3, "{all:#}");
        let shown = owner.get(&path).await.expect(200);
        assert_eq!(shown["snapshot"]["content"], "behind the door");
        let assign = json!({"assignee": reeve.id});
        let refused = owner.patch(&path, &assign).await;
        refused.expect_problem(422, "invalid_report");
        let all = moderator.get(REPORTS).await.expect(200);
        assert_eq!(all["items"].as_array().unwrap().len(), 3, "{all:#}");
        // Once they see the channel, they see its reports.
        let let_in = format!("/api/v1/channels/{cellar}/members/{}", reeve.id);
        owner.put(&let_in, &json!({})).await.expect(204);
        reeve.get(&path).await.expect(200);
        owner.patch(&path, &assign).await.expect(200);
        world.stop().await;
    });
}

#[test]
fn attack_a_community_neither_reads_nor_undoes_what_the_node_judges() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let names = ["owner", "ann", "bob", "mod"];
        let (operator, members) = people(&world, &names).await;
        let [owner, ann, bob, moderator] = &members[..] else {
            panic!()
        };
        appoint(&operator, moderator).await;
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob] {
            village.let_in(owner, member).await;
        }
        let said = ann.say(&village.square, "buy my turnips").await;
        let made = bob.post(REPORTS, &about(&said)).await.expect(201);
        let id = made["id"].as_str().unwrap();
        let (of_node, of_village) = (
            format!("{REPORTS}/{id}"),
            village.path(&format!("/reports/{id}")),
        );
        let note = json!({"note": "we know them"});
        let noted = owner.patch(&of_village, &note).await.expect(200);
        assert_eq!(noted["history"][0]["court"], "community", "{noted:#}");
        let taken = json!({"assignee": moderator.id, "note": "the police asked"});
        let taken = moderator.patch(&of_node, &taken).await.expect(200);
        assert_eq!(taken["history"].as_array().unwrap().len(), 2, "{taken:#}");
        assert_eq!(taken["history"][1]["court"], "node");

        let shown = owner.get(&of_village).await.expect(200);
        assert_eq!(shown["history"].as_array().unwrap().len(), 1, "{shown:#}");
        assert_eq!(shown["state"], "assigned");
        let listed = owner.get(&village.path("/reports")).await.expect(200);
        let log = owner.get(&village.path("/audit-log")).await.expect(200);
        for told in [&shown, &listed["items"], &log["items"]] {
            let told = told.to_string();
            assert!(!told.contains("police"), "{told}");
            assert!(!told.contains(&moderator.id), "{told}");
        }
        for step in [json!({"state": "dismissed"}), json!({"note": "nothing"})] {
            let refused = owner.patch(&of_village, &step).await;
            refused.expect_problem(409, "report_with_node");
        }
        let judged = json!({"state": "resolved"});
        moderator.patch(&of_node, &judged).await.expect(200);
        let log = operator.get("/api/v1/admin/audit-log").await.expect(200);
        assert_eq!(log["items"][0]["action"], "report.update", "{log:#}");
        world.stop().await;
    });
}
