package simulator

import (
	"net/http"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

func onPort(port int) func(schema.LoadBalancerService) bool {
	return func(s schema.LoadBalancerService) bool { return s.ListenPort == port }
}

// set overwrites a value if a request names one.
func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// newService checks a service that is to be added and fills in what the
// request left out.
func (c *call) newService(lb *loadBalancer, in schema.LoadBalancerActionAddServiceRequest) (schema.LoadBalancerService, error) {
	s := schema.LoadBalancerService{Protocol: in.Protocol}
	switch in.Protocol {
	case "http":
		s.ListenPort, s.DestinationPort = 80, 80
	case "https":
		s.ListenPort, s.DestinationPort = 443, 80
	}
	set(&s.ListenPort, in.ListenPort)
	set(&s.DestinationPort, in.DestinationPort)
	set(&s.Proxyprotocol, in.Proxyprotocol)
	if s.Protocol != "tcp" {
		s.HTTP = &schema.LoadBalancerServiceHTTP{CookieName: "HCLBSTICKY", CookieLifetime: 300, TimeoutIdle: 60, Certificates: []int64{}}
		applyHTTP(s.HTTP, in.HTTP)
	}
	s.HealthCheck = &schema.LoadBalancerServiceHealthCheck{Protocol: "tcp", Port: s.DestinationPort, Interval: 15, Timeout: 10, Retries: 3}
	if s.Protocol != "tcp" {
		s.HealthCheck.Protocol = "http"
	}
	if h := in.HealthCheck; h != nil {
		if h.Protocol != "" {
			s.HealthCheck.Protocol = h.Protocol
		}
		applyHealthCheck(s.HealthCheck, h.Port, h.Interval, h.Timeout, h.Retries, h.HTTP)
	}
	fillHealthHTTP(s.HealthCheck)
	if err := checkService(s); err != nil {
		return s, err
	}
	taken := c.pending(lb, func(o *operation) bool {
		return o.Action.Command == "add_service" && o.Change.Service.ListenPort == s.ListenPort
	})
	for _, other := range lb.Services {
		taken = taken || other.ListenPort == s.ListenPort
	}
	if taken {
		return s, refuse(http.StatusConflict, hcloud.ErrorCodeSourcePortAlreadyUsed, "listen port %d is already in use", s.ListenPort)
	}
	if len(lb.Services) >= c.typeOf(lb).MaxServices {
		return s, overLimit("load_balancer_service_limit")
	}
	return s, nil
}

func applyHTTP(out *schema.LoadBalancerServiceHTTP, in *schema.LoadBalancerActionAddServiceRequestHTTP) {
	if in == nil {
		return
	}
	set(&out.CookieName, in.CookieName)
	set(&out.CookieLifetime, in.CookieLifetime)
	set(&out.Certificates, in.Certificates)
	set(&out.RedirectHTTP, in.RedirectHTTP)
	set(&out.StickySessions, in.StickySessions)
	set(&out.TimeoutIdle, in.TimeoutIdle)
}

func applyHealthCheck(out *schema.LoadBalancerServiceHealthCheck, port, interval, timeout, retries *int, http *schema.LoadBalancerActionAddServiceRequestHealthCheckHTTP) {
	set(&out.Port, port)
	set(&out.Interval, interval)
	set(&out.Timeout, timeout)
	set(&out.Retries, retries)
	if http == nil {
		return
	}
	fillHealthHTTP(out)
	if out.HTTP == nil {
		return
	}
	set(&out.HTTP.Domain, http.Domain)
	set(&out.HTTP.Path, http.Path)
	set(&out.HTTP.Response, http.Response)
	set(&out.HTTP.StatusCodes, http.StatusCodes)
	set(&out.HTTP.TLS, http.TLS)
}

// fillHealthHTTP gives an http check its defaults and takes them from a tcp
// check.
func fillHealthHTTP(h *schema.LoadBalancerServiceHealthCheck) {
	if h.Protocol == "tcp" {
		h.HTTP = nil
	} else if h.HTTP == nil {
		h.HTTP = &schema.LoadBalancerServiceHealthCheckHTTP{Path: "/", StatusCodes: []string{"2??", "3??"}}
	}
}

// checkService applies the ranges of a service's numbers.
func checkService(s schema.LoadBalancerService) error {
	validPort := func(port int) bool { return port >= 1 && port <= 65535 }
	switch h := s.HealthCheck; {
	case s.Protocol != "tcp" && s.Protocol != "http" && s.Protocol != "https":
		return invalid("protocol", "the protocol is tcp, http or https")
	case !validPort(s.ListenPort):
		return invalid("listen_port", "a port from 1 to 65535 is needed")
	case !validPort(s.DestinationPort):
		return invalid("destination_port", "a port from 1 to 65535 is needed")
	case s.Protocol == "https" && len(s.HTTP.Certificates) == 0:
		return invalid("http.certificates", "an https service needs a certificate")
	case h.Protocol != "tcp" && h.Protocol != "http":
		return invalid("health_check.protocol", "the protocol of a health check is tcp or http")
	case !validPort(h.Port):
		return invalid("health_check.port", "a port from 1 to 65535 is needed")
	case h.Interval < 3 || h.Interval > 60:
		return invalid("health_check.interval", "from 3 to 60 seconds")
	case h.Timeout < 1 || h.Timeout > h.Interval:
		return invalid("health_check.timeout", "from 1 second to the interval")
	case h.Retries < 1 || h.Retries > 5:
		return invalid("health_check.retries", "from 1 to 5")
	}
	return nil
}

func addService(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerActionAddServiceRequest](c)
	if err != nil {
		return reply{}, err
	}
	s, err := c.newService(lb, in)
	if err != nil {
		return reply{}, err
	}
	return c.onLB(lb, "add_service", 1, change{Service: &s}), nil
}

// service finds a service of the load balancer by its listen port.
func (lb *loadBalancer) service(port int) (schema.LoadBalancerService, error) {
	for _, s := range lb.Services {
		if s.ListenPort == port {
			return s, nil
		}
	}
	return schema.LoadBalancerService{}, refuse(http.StatusNotFound, hcloud.ErrorCodeNotFound, "load balancer has no service on port %d", port)
}

func updateService(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerActionUpdateServiceRequest](c)
	if err != nil {
		return reply{}, err
	}
	s, err := lb.service(in.ListenPort)
	if err != nil {
		return reply{}, err
	}
	// The parts are copied before they are changed: the service in force stays
	// as it is until the action ends.
	health := *s.HealthCheck
	s.HealthCheck = &health
	if health.HTTP != nil {
		h := *health.HTTP
		s.HealthCheck.HTTP = &h
	}
	set(&s.Protocol, in.Protocol)
	set(&s.DestinationPort, in.DestinationPort)
	set(&s.Proxyprotocol, in.Proxyprotocol)
	if s.Protocol == "tcp" {
		s.HTTP = nil
	} else {
		h := schema.LoadBalancerServiceHTTP{CookieName: "HCLBSTICKY", CookieLifetime: 300, TimeoutIdle: 60, Certificates: []int64{}}
		if s.HTTP != nil {
			h = *s.HTTP
		}
		s.HTTP = &h
		applyHTTP(s.HTTP, (*schema.LoadBalancerActionAddServiceRequestHTTP)(in.HTTP))
	}
	if h := in.HealthCheck; h != nil {
		set(&s.HealthCheck.Protocol, h.Protocol)
		applyHealthCheck(s.HealthCheck, h.Port, h.Interval, h.Timeout, h.Retries, (*schema.LoadBalancerActionAddServiceRequestHealthCheckHTTP)(h.HTTP))
	}
	fillHealthHTTP(s.HealthCheck)
	if err := checkService(s); err != nil {
		return reply{}, err
	}
	return c.onLB(lb, "update_service", 1, change{Service: &s, Port: in.ListenPort}), nil
}

func deleteService(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerDeleteServiceRequest](c)
	if err != nil {
		return reply{}, err
	}
	if _, err := lb.service(in.ListenPort); err != nil {
		return reply{}, err
	}
	return c.onLB(lb, "delete_service", 1, change{Port: in.ListenPort}), nil
}
