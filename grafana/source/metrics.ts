/**
 * The metrics that the dashboard and the alerts know. A list of its own, not that of `src`:
 * a renamed metric is to break a test, not to pass through into panels that then stay empty.
 */
export const METRICS = {
  connections: "smtp_client_connections_total",
  disconnections: "smtp_client_disconnections_total",
  sessions: "smtp_client_sessions",
  connectDuration: "smtp_client_connect_duration_seconds",
  commands: "smtp_client_commands_total",
  replies: "smtp_client_replies_total",
  groups: "smtp_client_groups_total",
  groupDuration: "smtp_client_group_duration_seconds",
  groupCommands: "smtp_client_group_commands",
  messages: "smtp_client_messages_total",
  messageDuration: "smtp_client_message_duration_seconds",
  messageWait: "smtp_client_message_wait_seconds",
  messageRecipients: "smtp_client_message_recipients",
  messageSize: "smtp_client_message_size_bytes",
  recipientsAccepted: "smtp_client_recipients_accepted_total",
  recipients: "smtp_client_recipients_total",
  roundTripsSaved: "smtp_client_round_trips_saved_total",
  errors: "smtp_client_errors_total",
  warnings: "smtp_client_warnings_total",
  bytes: "smtp_client_io_bytes_total",
  pending: "smtp_client_messages_pending",
  waiting: "smtp_client_messages_waiting",
  retries: "smtp_client_retries_total",
  retirements: "smtp_client_retirements_total",
  repliesOutstanding: "smtp_client_replies_outstanding",
  lastDelivery: "smtp_client_last_delivery_timestamp_seconds",
  telemetryErrors: "smtp_client_telemetry_errors_total",
  buildInfo: "smtp_client_build_info",
} as const;
