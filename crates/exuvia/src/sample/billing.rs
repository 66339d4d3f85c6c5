//! What the contacts of the CRM paid.

use rmcp::model::Tool;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::crm::contact_id;
use super::data::{amount, orders};
use super::server::{Sample, SampleAnswer, tool};

/// Invoices and revenue.
pub(super) struct Billing;

impl Sample for Billing {
    fn about(&self) -> (&'static str, &'static str) {
        ("billing", "Invoices and revenue of the contacts in the CRM, by contact id.")
    }

    fn tools(&self) -> Vec<Tool> {
        let id = json!({"type": "integer", "minimum": 1, "description": "The contact's id in the CRM"});
        let input = json!({"type": "object", "properties": {"contact_id": id}, "required": ["contact_id"]});
        let invoice = json!({
            "type": "object",
            "properties": {
                "invoice_id": {"type": "string"},
                "order_id": {"type": "integer"},
                "amount": {"type": "number"},
                "paid": {"type": "boolean"},
            },
            "required": ["invoice_id", "order_id", "amount", "paid"],
        });
        vec![
            tool(
                "get_revenue",
                "Returns what a contact has paid in all.",
                input.clone(),
                Some(json!({
                    "type": "object",
                    "properties": {
                        "contact_id": {"type": "integer"},
                        "revenue": {"type": "number", "description": "The sum of the paid invoices"},
                        "currency": {"type": "string", "description": "ISO 4217 code"},
                        "invoices": {"type": "integer", "description": "How many were paid"},
                    },
                    "required": ["contact_id", "revenue", "currency", "invoices"],
                })),
            ),
            tool(
                "get_invoices",
                "Lists the invoices of a contact, oldest first.",
                input,
                Some(json!({
                    "type": "object",
                    "properties": {"items": {"type": "array", "items": invoice}},
                    "required": ["items"],
                })),
            ),
        ]
    }

    fn call(&self, tool: &str, arguments: &Arguments) -> Result<SampleAnswer, String> {
        let id = contact_id(arguments)?;
        let orders = orders(id);
        // One invoice in nine is still open.
        let paid = |order: u64| !order.is_multiple_of(9);
        Ok(SampleAnswer::Structured(match tool {
            "get_revenue" => {
                let paid: Vec<u64> = orders.iter().filter(|order| paid(order.id)).map(|order| order.cents).collect();
                let revenue = amount(paid.iter().sum());
                json!({"contact_id": id, "revenue": revenue, "currency": "EUR", "invoices": paid.len()})
            }
            "get_invoices" => {
                let invoice = |order: &super::data::Order| {
                    json!({
                        "invoice_id": format!("INV-{}", order.id), "order_id": order.id, "amount": amount(order.cents),
                        "paid": paid(order.id),
                    })
                };
                json!({"items": orders.iter().map(invoice).collect::<Vec<Value>>()})
            }
            _ => return Err(format!("there is no tool {tool}")),
        }))
    }
}
