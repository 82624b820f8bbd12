package simulator

import "net/http"

// routes maps "METHOD /path" below /v1 to what answers it.
func routes() map[string]handler {
	table := map[string]handler{
		"GET /actions":          listActions,
		"GET /actions/{action}": getAction,

		"GET /locations":                listLocations,
		"GET /locations/{id}":           getLocation,
		"GET /datacenters":              listDatacenters,
		"GET /datacenters/{id}":         getDatacenter,
		"GET /server_types":             listServerTypes,
		"GET /server_types/{id}":        getServerType,
		"GET /load_balancer_types":      listLoadBalancerTypes,
		"GET /load_balancer_types/{id}": getLoadBalancerType,
		"GET /images":                   listImages,
		"GET /images/{id}":              getImage,
		"GET /pricing":                  getPricing,

		"GET /ssh_keys":         listSSHKeys,
		"POST /ssh_keys":        createSSHKey,
		"GET /ssh_keys/{id}":    getSSHKey,
		"PUT /ssh_keys/{id}":    updateSSHKey,
		"DELETE /ssh_keys/{id}": deleteSSHKey,

		"GET /placement_groups":         listPlacementGroups,
		"POST /placement_groups":        createPlacementGroup,
		"GET /placement_groups/{id}":    getPlacementGroup,
		"PUT /placement_groups/{id}":    updatePlacementGroup,
		"DELETE /placement_groups/{id}": deletePlacementGroup,

		"GET /networks":                                 listNetworks,
		"POST /networks":                                createNetwork,
		"GET /networks/{id}":                            getNetwork,
		"PUT /networks/{id}":                            updateNetwork,
		"DELETE /networks/{id}":                         deleteNetwork,
		"POST /networks/{id}/actions/add_subnet":        addSubnet,
		"POST /networks/{id}/actions/delete_subnet":     deleteSubnet,
		"POST /networks/{id}/actions/add_route":         addRoute,
		"POST /networks/{id}/actions/delete_route":      deleteRoute,
		"POST /networks/{id}/actions/change_ip_range":   changeIPRange,
		"POST /networks/{id}/actions/change_protection": changeNetworkProtection,

		"GET /firewalls":                                     listFirewalls,
		"POST /firewalls":                                    createFirewall,
		"GET /firewalls/{id}":                                getFirewall,
		"PUT /firewalls/{id}":                                updateFirewall,
		"DELETE /firewalls/{id}":                             deleteFirewall,
		"POST /firewalls/{id}/actions/set_rules":             setFirewallRules,
		"POST /firewalls/{id}/actions/apply_to_resources":    applyFirewallTo,
		"POST /firewalls/{id}/actions/remove_from_resources": removeFirewallFrom,

		"GET /servers":                                           listServers,
		"POST /servers":                                          createServer,
		"GET /servers/{id}":                                      getServer,
		"PUT /servers/{id}":                                      updateServer,
		"DELETE /servers/{id}":                                   deleteServer,
		"POST /servers/{id}/actions/poweron":                     powerOn,
		"POST /servers/{id}/actions/poweroff":                    powerOff("stop_server", 2),
		"POST /servers/{id}/actions/shutdown":                    powerOff("shutdown_server", 4),
		"POST /servers/{id}/actions/reboot":                      restart("reboot_server", 5),
		"POST /servers/{id}/actions/reset":                       restart("reset_server", 3),
		"POST /servers/{id}/actions/change_type":                 changeServerType,
		"POST /servers/{id}/actions/attach_to_network":           attachServer,
		"POST /servers/{id}/actions/detach_from_network":         detachServer,
		"POST /servers/{id}/actions/change_alias_ips":            changeAliasIPs,
		"POST /servers/{id}/actions/enable_backup":               switchBackup(true),
		"POST /servers/{id}/actions/disable_backup":              switchBackup(false),
		"POST /servers/{id}/actions/enable_rescue":               enableRescue,
		"POST /servers/{id}/actions/disable_rescue":              disableRescue,
		"POST /servers/{id}/actions/rebuild":                     rebuildServer,
		"POST /servers/{id}/actions/change_protection":           changeServerProtection,
		"POST /servers/{id}/actions/change_dns_ptr":              changeServerDNSPtr,
		"POST /servers/{id}/actions/add_to_placement_group":      addToPlacementGroup,
		"POST /servers/{id}/actions/remove_from_placement_group": removeFromPlacementGroup,

		"GET /load_balancers":                                        listLoadBalancers,
		"POST /load_balancers":                                       createLoadBalancer,
		"GET /load_balancers/{id}":                                   getLoadBalancer,
		"PUT /load_balancers/{id}":                                   updateLoadBalancer,
		"DELETE /load_balancers/{id}":                                deleteLoadBalancer,
		"POST /load_balancers/{id}/actions/add_service":              addService,
		"POST /load_balancers/{id}/actions/update_service":           updateService,
		"POST /load_balancers/{id}/actions/delete_service":           deleteService,
		"POST /load_balancers/{id}/actions/add_target":               addTarget,
		"POST /load_balancers/{id}/actions/remove_target":            removeTarget,
		"POST /load_balancers/{id}/actions/attach_to_network":        attachLoadBalancer,
		"POST /load_balancers/{id}/actions/detach_from_network":      detachLoadBalancer,
		"POST /load_balancers/{id}/actions/change_algorithm":         changeAlgorithm,
		"POST /load_balancers/{id}/actions/change_type":              changeLoadBalancerType,
		"POST /load_balancers/{id}/actions/change_protection":        changeLoadBalancerProtection,
		"POST /load_balancers/{id}/actions/change_dns_ptr":           changeLoadBalancerDNSPtr,
		"POST /load_balancers/{id}/actions/enable_public_interface":  switchPublicInterface(true),
		"POST /load_balancers/{id}/actions/disable_public_interface": switchPublicInterface(false),

		"GET /primary_ips":                                 listPrimaryIPs,
		"POST /primary_ips":                                createPrimaryIP,
		"GET /primary_ips/{id}":                            getPrimaryIP,
		"PUT /primary_ips/{id}":                            updatePrimaryIP,
		"DELETE /primary_ips/{id}":                         deletePrimaryIP,
		"POST /primary_ips/{id}/actions/assign":            assignPrimaryIP,
		"POST /primary_ips/{id}/actions/unassign":          unassignPrimaryIP,
		"POST /primary_ips/{id}/actions/change_dns_ptr":    changePrimaryIPDNSPtr,
		"POST /primary_ips/{id}/actions/change_protection": changePrimaryIPProtection,

		"GET /floating_ips":                                 listFloatingIPs,
		"POST /floating_ips":                                createFloatingIP,
		"GET /floating_ips/{id}":                            getFloatingIP,
		"PUT /floating_ips/{id}":                            updateFloatingIP,
		"DELETE /floating_ips/{id}":                         deleteFloatingIP,
		"POST /floating_ips/{id}/actions/assign":            assignFloatingIP,
		"POST /floating_ips/{id}/actions/unassign":          unassignFloatingIP,
		"POST /floating_ips/{id}/actions/change_dns_ptr":    changeFloatingIPDNSPtr,
		"POST /floating_ips/{id}/actions/change_protection": changeFloatingIPProtection,

		"GET /volumes":                                 listVolumes,
		"POST /volumes":                                createVolume,
		"GET /volumes/{id}":                            getVolume,
		"PUT /volumes/{id}":                            updateVolume,
		"DELETE /volumes/{id}":                         deleteVolume,
		"POST /volumes/{id}/actions/attach":            attachVolume,
		"POST /volumes/{id}/actions/detach":            detachVolume,
		"POST /volumes/{id}/actions/resize":            resizeVolume,
		"POST /volumes/{id}/actions/change_protection": changeVolumeProtection,
	}
	for path, kind := range map[string]string{
		"servers": "server", "networks": "network", "firewalls": "firewall", "load_balancers": "load_balancer",
		"primary_ips": "primary_ip", "floating_ips": "floating_ip", "volumes": "volume",
	} {
		table["GET /"+path+"/{id}/actions"] = listActionsOf(kind)
		table["GET /"+path+"/{id}/actions/{action}"] = getAction
	}
	return table
}

// mux serves the API below /v1 and the simulator's own pages beside it.
func (s *Simulator) mux() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range routes() {
		method, path := splitPattern(pattern)
		mux.Handle(method+" /v1"+path, s.api(h))
	}
	mux.Handle("/v1/", s.api(noRoute))
	s.control(mux)
	return s.guard(mux)
}

func splitPattern(pattern string) (method, path string) {
	for i, c := range pattern {
		if c == ' ' {
			return pattern[:i], pattern[i+1:]
		}
	}
	return pattern, ""
}
