package cli

import (
	"context"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

func newDarajaIPs(s *session) *cobra.Command {
	return group(s, "daraja ips", "Know the addresses that callbacks come from",
		`Safaricom's published addresses, as data with their sources. The listener notes a
callback from elsewhere, or distrusts it when listen.ip_check is "enforce"; it never
drops one, since lists go out of date and no callback is sent twice.`,
		command{"list", newDarajaIPsList}, command{"check", newDarajaIPsCheck})
}

// darajaIPsList is "payctl daraja ips list".
type darajaIPsList struct{ *env }

func newDarajaIPsList(s *session) *cobra.Command {
	v := &darajaIPsList{env: s.env}
	return &cobra.Command{
		Use:     "list",
		Short:   "List the addresses that callbacks come from",
		Example: "  payctl daraja ips list\n  payctl daraja ips list -o json --jq '.[] | select(.published) | .address'",
		Args:    noArgs,
		RunE:    s.quick(v.Run),
	}
}

// Run lists the addresses.
func (v *darajaIPsList) Run(context.Context) error {
	var views []view.Address
	for _, s := range daraja.SourceAddresses() {
		views = append(views, view.NewAddress(s, true))
	}
	return ui.List(v.out, ui.Columns("ADDRESS", "PUBLISHED", "SOURCE", "NOTE"), views)
}

// darajaIPsCheck is "payctl daraja ips check".
type darajaIPsCheck struct {
	*env
	address string
}

func newDarajaIPsCheck(s *session) *cobra.Command {
	v := &darajaIPsCheck{env: s.env}
	return &cobra.Command{
		Use:   "check ADDRESS",
		Short: "Check one address against the list",
		Long: `Exit 0 when the address is on the list or among the profile's own
(listen.daraja_addresses), 5 when it is not.`,
		Example: "  payctl daraja ips check 196.201.212.69",
		Args:    oneArg("ADDRESS", &v.address),
		RunE:    s.run(v.Run),
	}
}

// Run holds the address against the lists. An unlisted one is KindNotFound.
func (v *darajaIPsCheck) Run(ctx context.Context) error {
	addr, err := netip.ParseAddr(v.address)
	if err != nil {
		return usagef("write an address such as 196.201.212.69", "address %q: is not an IP address", v.address)
	}
	found, listed := daraja.CheckAddress(addr)
	if !listed {
		if found, listed, err = v.own(ctx, found); err != nil {
			return err
		}
	}
	printed := v.out.One(view.NewAddress(found, listed))
	if listed {
		return printed
	}
	return v.ended(printed, payment.NotFound("address "+found.Addr.String()+": is on no list of Safaricom's callback addresses",
		"a callback from it is kept and noted; add it to listen.daraja_addresses if it is genuine"), "address "+found.Addr.String())
}

// own looks an address up in the profile's own list.
func (v *darajaIPsCheck) own(ctx context.Context, s daraja.SourceAddress) (daraja.SourceAddress, bool, error) {
	conf, err := v.config(ctx)
	if err != nil {
		return s, false, err
	}
	for _, prefix := range conf.Listen.DarajaAddresses {
		if prefix.Contains(s.Addr) {
			s.Source = "listen.daraja_addresses of profile " + conf.Profile
			return s, true, nil
		}
	}
	return s, false, nil
}
