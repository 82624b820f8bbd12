module tools.local/gotty

go 1.26

require github.com/sorenisanerd/gotty v1.6.0
