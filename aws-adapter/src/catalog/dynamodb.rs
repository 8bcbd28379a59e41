//! Records in one DynamoDB table, an attribute for each field of the record.
//!
//! ```text
//! table            imageId                          one item a picture
//! index by-state   listShard   listOrder            {STATE}#{0..7}, newest first; keys only
//! index by-owner   owner       listOrder            one caller's pictures, newest first; keys and status
//! ```
//!
//! A list asks every shard of a state at once and merges by time: one partition a state would take a thousand writes a second and no more.
//! The indexes hold keys, the list then gets whole items, so that a change of a record costs little and a page is true when it is read.

use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, KeysAndAttributes, Projection,
    ProjectionType, ReturnValuesOnConditionCheckFailure, ScalarAttributeType,
};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};
use tokio::task::JoinSet;

use super::{Cursor, ListQuery, RecordPage, Records, Write};
use crate::error::{Code, Error};
use crate::record::{Entry, Record, Status};
use crate::sdk::phrase;
use crate::time::{Random, SystemRandom, Timestamp};

/// Over how many partitions a state's records are spread: each takes 1,000 writes a second.
pub const SHARDS: u8 = 8;

/// The list by state.
const BY_STATE: &str = "by-state";

/// The list by owner.
const BY_OWNER: &str = "by-owner";

/// How many keys are asked of a shard at a time: about 4 KB, the unit of what a query costs.
const KEYS_A_QUERY: usize = 25;

/// Attributes beside the record's own.
const PRIVATE: [&str; 7] = ["claim", "leaseUntil", "revision", "expiresAt", "writeToken", "listShard", "listOrder"];

type Item = HashMap<String, AttributeValue>;

/// Records in a DynamoDB table.
#[derive(Debug, Clone)]
pub struct DynamoRecords {
    client: Client,
    table: String,
}

impl DynamoRecords {
    /// The records in this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Makes the table, as a trial or a test wants it.
    ///
    /// # Errors
    /// `storage_unavailable` where that is not possible.
    pub async fn create_table(&self) -> Result<(), Error> {
        let names = ["imageId", "listShard", "listOrder", "owner"];
        let definitions = names.map(|name| {
            let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            definition.build().expect("the name and type are given")
        });
        let keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        let status = Projection::builder().projection_type(ProjectionType::Include).non_key_attributes("status").build();
        let create = self.client.create_table().table_name(&self.table).billing_mode(BillingMode::PayPerRequest);
        create
            .set_attribute_definitions(Some(definitions.to_vec()))
            .key_schema(key("imageId", KeyType::Hash))
            .global_secondary_indexes(index(BY_STATE, "listShard", keys))
            .global_secondary_indexes(index(BY_OWNER, "owner", status))
            .send()
            .await
            .map_err(|e| fault("make the table", e))?;
        Ok(())
    }

    /// The whole records of these keys, in their order; those that are gone are left out.
    async fn whole(&self, ids: &[String]) -> Result<Vec<Record>, Error> {
        let mut found: HashMap<String, Record> = HashMap::new();
        let mut left: Vec<Item> = ids.iter().map(|id| HashMap::from([("imageId".to_owned(), AttributeValue::S(id.clone()))])).collect();
        while !left.is_empty() {
            // The most that one request may ask for.
            let keys = left.split_off(left.len().saturating_sub(100));
            let asked = KeysAndAttributes::builder().set_keys(Some(keys)).build().expect("the keys are given");
            let answer = self.client.batch_get_item().request_items(&self.table, asked).send().await;
            let answer = answer.map_err(|e| fault("read records", e))?;
            for item in answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default() {
                let record = entry(item)?.record;
                found.insert(record.image_id.clone(), record);
            }
            // What was too much for one answer is asked for again.
            if let Some(more) = answer.unprocessed_keys.unwrap_or_default().remove(&self.table) {
                left.extend(more.keys);
            }
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// The streams whose merge is the list.
    fn streams(&self, query: &ListQuery) -> Result<Vec<Stream>, Error> {
        let after = query.checked_cursor()?.map(|cursor| order(cursor.timestamp, &cursor.image_id));
        let states: Vec<Status> = match query.status {
            Some(status) => vec![status],
            None => Status::ALL.into_iter().filter(|status| *status != Status::Deleted).collect(),
        };
        let stream = |index, name, value, filter| Stream {
            client: self.client.clone(),
            table: self.table.clone(),
            index,
            name,
            value,
            filter,
            after: after.clone(),
            found: VecDeque::new(),
            start: None,
            is_done: false,
        };
        Ok(match &query.owner {
            Some(owner) => vec![stream(BY_OWNER, "owner", owner.clone(), Some(states))],
            None => {
                let shards = states.into_iter().flat_map(|status| (0..SHARDS).map(move |shard| format!("{status}#{shard}")));
                shards.map(|shard| stream(BY_STATE, "listShard", shard, None)).collect()
            }
        })
    }
}

impl Records for DynamoRecords {
    async fn get(&self, image_id: &str) -> Result<Option<Entry>, Error> {
        let asked = self.client.get_item().table_name(&self.table).key("imageId", text(image_id)).consistent_read(true);
        let answer = asked.send().await.map_err(|e| fault("read the record", e))?;
        answer.item.map(entry).transpose()
    }

    async fn write(&self, entry: &mut Entry) -> Result<Write, Error> {
        let next = Entry { revision: entry.revision + 1, ..entry.clone() };
        let item = item(&next)?;
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.clone()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if entry.revision == 0 {
            put = put.condition_expression("attribute_not_exists(imageId)");
        } else {
            let known = AttributeValue::N(entry.revision.to_string());
            put = put.condition_expression("revision = :known").expression_attribute_values(":known", known);
        }
        match put.send().await {
            Ok(_) => {}
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                let PutItemError::ConditionalCheckFailedException(refused) = error.err() else { return Ok(Write::Lost) };
                // It may be this very write that is stored, its answer having been lost on the way.
                if refused.item().and_then(|stored| stored.get("writeToken")) != item.get("writeToken") {
                    return Ok(Write::Lost);
                }
            }
            Err(error) => return Err(fault("write the record", error)),
        }
        entry.revision += 1;
        Ok(Write::Done)
    }

    async fn list(&self, query: &ListQuery) -> Result<RecordPage, Error> {
        let limit = query.checked_limit()?;
        let mut streams = self.streams(query)?;
        let mut keys: Vec<Key> = Vec::new();
        // One more tells whether there is another page.
        while keys.len() <= limit {
            fill(&mut streams, limit + 1 - keys.len()).await?;
            let first = streams.iter_mut().filter(|stream| !stream.found.is_empty()).min_by(|a, b| a.found[0].order.cmp(&b.found[0].order));
            match first {
                Some(stream) => keys.extend(stream.found.pop_front()),
                None => break,
            }
        }
        let more = keys.len() > limit;
        keys.truncate(limit);
        let next_cursor = keys.last().filter(|_| more).map(Key::cursor).transpose()?;
        let ids: Vec<String> = keys.into_iter().map(|key| key.image_id).collect();
        // An index follows its table a moment later: what has moved on since is listed where it is now.
        let is_wanted = |record: &Record| match query.status {
            Some(status) => record.status == status,
            None => record.status != Status::Deleted,
        };
        let items = self.whole(&ids).await?.into_iter().filter(is_wanted).collect();
        Ok(RecordPage { items, next_cursor: next_cursor.map(|cursor| cursor.to_text()) })
    }

    async fn remove(&self, image_id: &str, revision: u64) -> Result<Write, Error> {
        let delete = self.client.delete_item().table_name(&self.table).key("imageId", text(image_id));
        let known = AttributeValue::N(revision.to_string());
        match delete.condition_expression("revision = :known").expression_attribute_values(":known", known).send().await {
            Ok(_) => Ok(Write::Done),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => Ok(Write::Lost),
            Err(error) => Err(fault("remove the record", error)),
        }
    }
}

/// A key that an index gave.
#[derive(Debug, Clone)]
struct Key {
    order: String,
    image_id: String,
}

impl Key {
    fn cursor(&self) -> Result<Cursor, Error> {
        let millis = self.order.get(..15).and_then(|digits| digits.parse::<i64>().ok());
        let millis = millis.ok_or_else(|| Error::new(Code::Internal, "the index holds an order that is not ours"))?;
        Ok(Cursor { timestamp: Timestamp::from_millis(Timestamp::LAST.as_millis() - millis), image_id: self.image_id.clone() })
    }
}

/// One partition of an index, read as far as it is needed.
struct Stream {
    client: Client,
    table: String,
    index: &'static str,
    name: &'static str,
    value: String,
    filter: Option<Vec<Status>>,
    after: Option<String>,
    found: VecDeque<Key>,
    start: Option<Item>,
    is_done: bool,
}

impl Stream {
    /// Reads on until something is found or there is no more.
    async fn read(mut self, wanted: usize) -> Result<Self, Error> {
        while self.found.is_empty() && !self.is_done {
            let mut query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(self.index)
                .limit(i32::try_from(wanted.clamp(KEYS_A_QUERY, 1000)).unwrap_or(1000))
                .expression_attribute_names("#name", self.name)
                .expression_attribute_values(":value", text(&self.value))
                .set_exclusive_start_key(self.start.take());
            query = match &self.after {
                Some(after) => query
                    .key_condition_expression("#name = :value AND listOrder > :after")
                    .expression_attribute_values(":after", text(after)),
                None => query.key_condition_expression("#name = :value"),
            };
            if let Some(states) = &self.filter {
                let names: Vec<String> = (0..states.len()).map(|i| format!(":state{i}")).collect();
                query =
                    query.filter_expression(format!("#status IN ({})", names.join(", "))).expression_attribute_names("#status", "status");
                for (name, status) in names.into_iter().zip(states) {
                    query = query.expression_attribute_values(name, text(status.as_str()));
                }
            }
            let answer = query.send().await.map_err(|e| fault("list the records", e))?;
            let string = |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            self.found
                .extend(answer.items().iter().map(|item| Key { order: string(item, "listOrder"), image_id: string(item, "imageId") }));
            self.start = answer.last_evaluated_key;
            self.is_done = self.start.is_none();
        }
        Ok(self)
    }
}

/// Sees to it that every stream has a key in hand, or has ended.
async fn fill(streams: &mut Vec<Stream>, wanted: usize) -> Result<(), Error> {
    let is_dry = |stream: &Stream| stream.found.is_empty() && !stream.is_done;
    if !streams.iter().any(is_dry) {
        return Ok(());
    }
    // A single stream is read as far as the page goes; of many, each gives a small part.
    let wanted = if streams.len() == 1 { wanted } else { KEYS_A_QUERY };
    let mut reading = JoinSet::new();
    for stream in std::mem::take(streams) {
        if is_dry(&stream) {
            reading.spawn(stream.read(wanted));
        } else {
            streams.push(stream);
        }
    }
    while let Some(read) = reading.join_next().await {
        streams.push(read.map_err(|e| Error::caused(Code::Internal, "a reader of the list stopped", e))??);
    }
    Ok(())
}

/// Text order is the list's order: newest first, then by `imageId`.
fn order(timestamp: Timestamp, image_id: &str) -> String {
    format!("{:015}#{image_id}", Timestamp::LAST.as_millis() - timestamp.as_millis())
}

/// The partition of a state that a record belongs to.
fn shard(record: &Record) -> String {
    let number = record.image_id.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)) % SHARDS;
    format!("{}#{number}", record.status)
}

/// The item that stores an entry, for whoever loads many at once.
///
/// # Errors
/// `internal` for a record that cannot be written as one.
pub fn item(entry: &Entry) -> Result<HashMap<String, AttributeValue>, Error> {
    let unwritable = |e| Error::caused(Code::Internal, "the record cannot be written", e);
    let mut item: Item = to_item(&entry.record).map_err(unwritable)?;
    let mut set = |name: &str, value| item.insert(name.to_owned(), value);
    set("revision", AttributeValue::N(entry.revision.to_string()));
    set("writeToken", AttributeValue::S(SystemRandom.token()));
    set("listShard", AttributeValue::S(shard(&entry.record)));
    set("listOrder", AttributeValue::S(order(entry.record.timestamp, &entry.record.image_id)));
    if let Some(claim) = &entry.claim {
        set("claim", text(claim));
    }
    if let Some(until) = entry.lease_until {
        set("leaseUntil", AttributeValue::S(until.to_string()));
    }
    // Seconds, as the table's own expiry wants them.
    if let Some(expires_at) = entry.expires_at {
        set("expiresAt", AttributeValue::N((expires_at.as_millis() / 1000).to_string()));
    }
    Ok(item)
}

fn entry(mut item: Item) -> Result<Entry, Error> {
    let [claim, lease_until, revision, expires_at, ..] = PRIVATE.map(|name| item.remove(name));
    let number = |value: Option<AttributeValue>| value.and_then(|value| value.as_n().ok()?.parse::<u64>().ok());
    let string = |value: Option<AttributeValue>| value.and_then(|value| value.as_s().ok().cloned());
    let unreadable = |e| Error::caused(Code::StorageUnavailable, "a record cannot be read", e);
    Ok(Entry {
        record: from_item(item).map_err(unreadable)?,
        claim: string(claim),
        lease_until: string(lease_until).and_then(|text| text.parse().ok()),
        revision: number(revision).unwrap_or(0),
        expires_at: number(expires_at).and_then(|s| i64::try_from(s).ok()).map(|s| Timestamp::from_millis(s.saturating_mul(1000))),
    })
}

/// The record in an item of the table's stream.
///
/// # Errors
/// Where it is none.
pub fn read_item(item: serde_dynamo::Item) -> Result<Record, serde_dynamo::Error> {
    let mut item = item.into_inner();
    for name in PRIVATE {
        item.remove(name);
    }
    serde_dynamo::from_item(item)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("the name and type are given")
}

fn index(name: &str, hash: &str, projection: Projection) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(key(hash, KeyType::Hash))
        .key_schema(key("listOrder", KeyType::Range))
        .projection(projection)
        .build()
        .expect("the name and keys are given")
}

fn fault<E>(what: &str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let message = format!("cannot {what}: {}", phrase(&error));
    Error { code: Code::StorageUnavailable, message, source: Some(Box::new(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_order_is_newest_first_then_by_id() {
        let at = Timestamp::from_millis;
        let sorted = [order(at(2_000), "a"), order(at(2_000), "b"), order(at(1_999), "a"), order(at(0), "z")];
        assert!(sorted.is_sorted(), "{sorted:?}");
        let key = Key { order: order(at(1_767_225_600_123), "abc"), image_id: "abc".into() };
        assert_eq!(key.cursor().unwrap(), Cursor { timestamp: at(1_767_225_600_123), image_id: "abc".into() });
    }

    #[test]
    fn shards_are_filled_evenly() {
        let mut counts = HashMap::new();
        for i in 0..8000 {
            *counts.entry(shard(&Record::new("bucket", &format!("{i}.jpg"), Timestamp::from_millis(0)))).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), usize::from(SHARDS));
        assert!(counts.values().all(|count| (800..1200).contains(count)), "{counts:?}");
    }
}
