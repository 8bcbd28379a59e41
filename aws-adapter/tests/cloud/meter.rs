//! Counts what a DynamoDB client asks for, and what it is told that this costs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::config::interceptors::{BeforeSerializationInterceptorContextMut, FinalizerInterceptorContextRef};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};

/// An interceptor that every request passes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<Cost>>);

/// What was asked for since the last look.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cost {
    /// How many queries of each index, and how many batches of reads and writes.
    pub(crate) requests: BTreeMap<String, u32>,
    /// How many items came back.
    pub(crate) items: usize,
    /// Capacity units of reads or writes.
    pub(crate) units: f64,
}

impl Meter {
    /// The cost since the last look.
    pub(crate) fn take(&self) -> Cost {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, name: &str, items: usize, units: &[ConsumedCapacity]) {
        let mut cost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *cost.requests.entry(name.to_owned()).or_default() += 1;
        cost.items += items;
        cost.units += units.iter().filter_map(ConsumedCapacity::capacity_units).sum::<f64>();
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        let wanted = Some(ReturnConsumedCapacity::Indexes);
        if let Some(query) = input.downcast_mut::<QueryInput>() {
            query.return_consumed_capacity = wanted;
        } else if let Some(get) = input.downcast_mut::<BatchGetItemInput>() {
            get.return_consumed_capacity = wanted;
        } else if let Some(write) = input.downcast_mut::<BatchWriteItemInput>() {
            write.return_consumed_capacity = wanted;
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(Ok(output)) = context.output_or_error() else { return Ok(()) };
        if let Some(query) = output.downcast_ref::<QueryOutput>() {
            let indexes = query.consumed_capacity().and_then(ConsumedCapacity::global_secondary_indexes);
            let name = indexes.and_then(|indexes| indexes.keys().next()).map_or("table", String::as_str);
            self.add(&format!("query of {name}"), query.items().len(), query.consumed_capacity.as_slice());
        } else if let Some(get) = output.downcast_ref::<BatchGetItemOutput>() {
            let items = get.responses().into_iter().flat_map(|tables| tables.values().map(Vec::len)).sum();
            self.add("batch of reads", items, get.consumed_capacity());
        } else if let Some(write) = output.downcast_ref::<BatchWriteItemOutput>() {
            self.add("batch of writes", 0, write.consumed_capacity());
        }
        Ok(())
    }
}
