package cli

import "github.com/spf13/cobra"

func newWebhook(s *session) *cobra.Command {
	return group(s, "webhook", "Check, make, send again and read webhook payloads",
		`Reads what "payctl listen" stored, checks payloads offline, makes and signs them,
sends them to your own endpoint, and replays what arrived, byte for byte.`,
		command{"list", newWebhookList}, command{"show", newWebhookShow}, command{"verify", newWebhookVerify}, command{"sign", newWebhookSign}, command{"trigger", newWebhookTrigger}, command{"replay", newWebhookReplay}, command{"queue", newWebhookQueue}, command{"hammer", newWebhookHammer})
}
