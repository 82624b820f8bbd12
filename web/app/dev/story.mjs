// The founder's story as the live stream tells it: a clinic in Muscat from the
// first sentence to its own console. Used by the mock server only.

const eur = (amount) => ({ amount, currency: 'EUR' })
const fqdn = 'alnoor.omani.works'
const deploymentId = '4f1c9a2be07d5831'
const digest = 'b7f0c2de914a6c35f8e1d07742ab90c3e6d5f1184b29a7730c5e8f6d21b4a09c'

export const ids = { fqdn, deploymentId, digest, approval: `approval-${digest.slice(0, 16)}` }

export const catalogue = {
  regions: [
    ['hel1', 'Helsinki', 'Finland', true],
    ['fsn1', 'Falkenstein', 'Germany', true],
    ['nbg1', 'Nuremberg', 'Germany', true],
    ['ash', 'Ashburn, VA', 'United States', true],
    ['hil', 'Hillsboro, OR', 'United States', true],
    ['sin', 'Singapore', 'Singapore', false],
  ].map(([region, city, country, available]) => ({
    region, name: city, city, country, available, ...(available ? {} : { reason: 'The module does not build there yet.' }),
  })),
  sizes: [['cpx22', 2, 4], ['cpx32', 4, 8], ['cpx42', 8, 16], ['cpx52', 12, 24]].map(([id, vcpu, memoryGB]) => ({
    id, vcpu, memoryGB, diskGB: memoryGB * 20, monthly: '15.99', currency: 'EUR', orderable: id !== 'cpx52',
  })),
  industries: [['healthcare', 'Healthcare'], ['education', 'Education'], ['design', 'Design and media']].map(([slug, name]) => ({ slug, name })),
  apps: [
    ['nextcloud', 'Nextcloud', 'Files, calendars and contacts', true],
    ['rocket-chat', 'Rocket.Chat', 'Team chat', true],
    ['formbricks', 'Formbricks', 'Forms and surveys', true],
    ['openmrs', 'OpenMRS', 'Medical records', false],
    ['gitea', 'Gitea', 'Git hosting', true],
  ].map(([slug, name, tagline, deployable]) => ({ slug, name, tagline, deployable })),
}

const at = new Date().toISOString()
const said = { source: 'said', at }
const suggested = (why) => ({ source: 'suggested', why, at })
const byDefault = { source: 'default', at }

export function draft(stage) {
  const full = stage >= 2
  const spec = {
    apps: full ? ['nextcloud', 'rocket-chat', 'formbricks'] : [],
    components: [],
    haEnabled: false,
    provider: 'hetzner',
  }
  const fields = { haEnabled: byDefault, provider: byDefault }
  if (stage >= 1) {
    Object.assign(spec, { orgName: 'Al Noor Clinic', orgIndustry: 'healthcare', orgSize: 40, orgHeadquarters: 'Muscat, Oman' })
    Object.assign(fields, { orgName: said, orgIndustry: said, orgSize: said, orgHeadquarters: said })
  }
  if (full) {
    Object.assign(spec, {
      sovereignSubdomain: 'alnoor', sovereignFQDN: fqdn,
      regions: [{ provider: 'hetzner', cloudRegion: 'fsn1', controlPlaneSize: 'cpx32', workerSize: 'cpx42', workerCount: 2 }],
    })
    Object.assign(fields, {
      apps: said,
      sovereignSubdomain: suggested('From the name of your Organization.'),
      sovereignFQDN: { source: 'derived', at },
      'regions[0].cloudRegion': suggested('The nearest region with every size in stock: 4,860 km from Muscat.'),
      'regions[0].controlPlaneSize': byDefault,
      'regions[0].workerSize': suggested('Three apps and the platform need 27 GB of memory.'),
      'regions[0].workerCount': suggested('Two hold it with room to spare.'),
    })
  }
  if (stage >= 3) Object.assign(spec, { orgEmail: 'founder@alnoor.example' }), (fields.orgEmail = said)
  return {
    id: 'story', spec, fields, secrets: [], simulatedAccount: stage >= 4, cloud: 'simulated', seq: 0,
    missing: stage === 0 ? ['orgName', 'orgEmail', 'regions[0].cloudRegion', 'account'] : stage < 3 ? ['orgEmail', 'account'] : stage < 4 ? ['account'] : [],
    violations: [],
    ...(full ? { estimate: { hourly: eur('0.1671'), monthly: eur('106.95'), lines, assumptions: [], vatNote: 'Net of VAT.', source: 'table', pricesAsOf: '2026-11-02', stale: false } } : {}),
    ...(stage >= 5 ? { deploymentId, deploymentStatus: 'awaiting-approval', approvalState: 'pending' } : {}),
  }
}

export const badDraft = () => {
  const d = draft(2)
  d.spec.regions[0].workerCount = 60
  d.violations = [
    { path: 'regions[0].workerCount', rule: 'range', value: '60', message: 'There can be at most 50 workers.', suggestion: 'Use 50 or fewer.' },
    { path: 'sovereignSubdomain', rule: 'label', value: 'alnoor', message: 'This name is already taken.', suggestion: 'Try alnoor-clinic.' },
  ]
  return d
}

const lines = [
  { label: 'Control plane cpx32, Falkenstein', quantity: 1, unitMonthly: eur('25.49'), monthly: eur('25.49') },
  { label: 'Worker cpx42, Falkenstein', quantity: 2, unitMonthly: eur('36.49'), monthly: eur('72.98') },
  { label: 'Load balancer lb11', quantity: 1, unitMonthly: eur('7.49'), monthly: eur('7.49') },
  { label: 'Primary IPv4 address', quantity: 1, unitMonthly: eur('0.99'), monthly: eur('0.99') },
]

const change = (group, label, address, action = 'create') => ({ group, label, address, action })

export const cards = {
  apps: {
    id: 'q-apps', kind: 'choice', title: 'Which apps should be ready on the first day?',
    text: 'Which apps should be ready on the first day? Nextcloud, Rocket.Chat, Formbricks. OpenMRS is not yet available.',
    data: { question: {
      questionId: 'apps', field: 'apps', type: 'choices', prompt: 'Which apps should be ready on the first day?',
      why: 'You mentioned files, chat and patient forms; these cover them.', suggested: 'nextcloud,rocket-chat,formbricks',
      choices: [
        { value: 'nextcloud', label: 'Nextcloud', detail: 'Files, calendars and contacts' },
        { value: 'rocket-chat', label: 'Rocket.Chat', detail: 'Team chat' },
        { value: 'formbricks', label: 'Formbricks', detail: 'Forms and surveys' },
        { value: 'openmrs', label: 'OpenMRS', detail: 'Medical records', unavailable: 'not yet. The nearest is Formbricks.' },
      ],
    } },
  },
  region: {
    id: 'q-region', kind: 'choice', title: 'Where should it run?', text: 'Where should it run? Falkenstein, Helsinki or Nuremberg.',
    data: { question: {
      questionId: 'region', field: 'regions[0].cloudRegion', type: 'choice', prompt: 'Where should it run?', suggested: 'fsn1',
      choices: [
        { value: 'fsn1', label: 'Falkenstein, Germany', detail: '4,860 km from Muscat · EU law' },
        { value: 'nbg1', label: 'Nuremberg, Germany', detail: '4,790 km from Muscat · EU law' },
        { value: 'sin', label: 'Singapore', detail: '', unavailable: 'the module does not build there yet' },
      ],
    } },
  },
  form: {
    id: 'q-contact', kind: 'form', title: 'Two more details', text: 'Who owns the Sovereign, and what should its address be?',
    data: { submit: 'Continue', questions: [
      { questionId: 'email', field: 'orgEmail', type: 'email', prompt: 'E-mail of the owner', why: 'The handover signs this person in.' },
      { questionId: 'sub', field: 'sovereignSubdomain', type: 'domain', prompt: 'Subdomain of omani.works', suggested: 'alnoor' },
      { questionId: 'size', field: 'orgSize', type: 'number', prompt: 'How many people', optional: true, suggested: '40' },
    ] },
  },
  secret: {
    id: 'q-account', kind: 'secret', title: 'Cloud account', text: 'Which cloud account should it use? The simulated account needs nothing.',
    data: { simulatedAccount: true, question: { questionId: 'account', field: 'account', type: 'secret', prompt: 'Which cloud account should it use?' },
      fields: [
        { purpose: 'hetzner-token', label: 'Hetzner Cloud API token', hint: 'With read and write access.', helpURL: 'https://console.hetzner.com/', minLength: 64, maxLength: 64, masked: true },
        { purpose: 'hetzner-project-id', label: 'Hetzner project', hint: 'The number in the console’s address.', masked: false },
        { purpose: 'ssh-public-key', label: 'SSH public key', hint: 'For emergency access to the servers.', generate: true, masked: false },
      ] },
  },
  plan: {
    id: `plan-${deploymentId}`, kind: 'plan', title: `Plan for ${fqdn}`, text: `Plan for ${fqdn}: 11 to add, 0 to change, 0 to destroy.`,
    data: {
      deploymentId, digest, sovereignFQDN: fqdn, simulated: true, add: 11, change: 0, destroy: 0, replace: 0,
      facts: [
        { label: 'Address', value: fqdn }, { label: 'Organization', value: 'Al Noor Clinic' },
        { label: 'Region', value: 'Falkenstein, Germany' }, { label: 'Servers', value: '1 control plane (cpx32), 2 workers (cpx42)' },
        { label: 'Applications', value: 'Nextcloud, Rocket.Chat, Formbricks' }, { label: 'High availability', value: 'Off' },
      ],
      changes: [
        change('Servers', 'Control plane 1 (cpx32)', 'hcloud_server.control_plane["fsn1-1"]'),
        change('Servers', 'Worker 1 (cpx42)', 'hcloud_server.worker["fsn1-1"]'),
        change('Servers', 'Worker 2 (cpx42)', 'hcloud_server.worker["fsn1-2"]'),
        change('Network', 'Private network 10.0.0.0/16', 'hcloud_network.main'),
        change('Network', 'Subnet 10.0.1.0/24', 'hcloud_network_subnet.main'),
        change('Network', 'Load balancer lb11', 'hcloud_load_balancer.main'),
        change('Network', 'Load balancer service 443', 'hcloud_load_balancer_service.https'),
        change('Network', 'Load balancer service 80', 'hcloud_load_balancer_service.http'),
        change('Network', 'Load balancer target', 'hcloud_load_balancer_target.workers'),
        change('Access', 'Firewall', 'hcloud_firewall.main'), change('Access', 'SSH key', 'hcloud_ssh_key.main'),
      ],
      advisories: ['With one control plane, an update of it means a few minutes without the Kubernetes API. Apps keep running.'],
    },
  },
  cost: {
    id: `cost-${deploymentId}`, kind: 'cost', title: 'What it costs', text: '€106.95 a month, €0.1671 an hour, net of VAT.',
    data: {
      deploymentId, hourly: eur('0.1671'), monthly: eur('106.95'), lines, unknown: ['Object storage traffic'],
      assumptions: ['A month has 730 hours.', 'Traffic stays within what is included (20 TB).'], vatNote: 'Net of VAT; VAT depends on your country and VAT id.',
      source: 'table', pricesAsOf: '2026-11-02', stale: false, simulated: true,
      stopsMeter: 'Deleting the servers ends the cost at the next full hour. A stopped server still costs money.',
    },
  },
}

export const approval = (state = 'pending', extra = {}) => ({
  id: ids.approval, kind: 'approval', title: 'Your approval', text: `Create ${fqdn} for €106.95 a month? ${state}.`,
  data: {
    question: { questionId: 'consent', type: 'consent', prompt: `Shall I create ${fqdn} exactly as planned above?` }, deploymentId,
    sovereignFQDN: fqdn, object: `Create ${fqdn}`, monthly: eur('106.95'), expiresAt: new Date(Date.now() + 29.4 * 60e3).toISOString(),
    destructive: false, simulated: true, state, ...extra,
  },
})

const kit = [
  ['cilium'], ['cert-manager', 'cilium'], ['flux', 'cert-manager'], ['crossplane', 'flux'], ['sealed-secrets', 'cert-manager'], ['spire', 'cert-manager'],
  ['nats-jetstream', 'spire'], ['openbao', 'spire'], ['keycloak', 'cert-manager'], ['gitea', 'keycloak'], ['powerdns', 'cert-manager'],
  ['external-dns', 'cert-manager', 'powerdns'], ['catalyst-platform', 'gitea'], ['crossplane-claims', 'crossplane'], ['external-secrets', 'openbao', 'cert-manager'],
  ['cnpg', 'flux'], ['valkey', 'flux'], ['seaweedfs', 'flux', 'cert-manager'], ['harbor', 'cnpg', 'seaweedfs', 'cert-manager'], ['opentelemetry', 'cert-manager'],
  ['alloy', 'opentelemetry'], ['loki', 'seaweedfs'], ['mimir', 'seaweedfs'], ['tempo', 'seaweedfs'], ['grafana', 'cnpg', 'loki', 'mimir', 'tempo', 'keycloak'],
  ['langfuse', 'cnpg', 'keycloak', 'cert-manager'], ['kyverno', 'cilium'], ['reloader'], ['vpa'], ['trivy', 'cert-manager'], ['falco', 'cilium'],
  ['sigstore', 'cert-manager'], ['syft-grype', 'cert-manager'], ['velero', 'seaweedfs'], ['coraza', 'cilium', 'cert-manager'],
].map(([name, ...needs]) => [`bp-${name}`, ...needs.map((n) => `bp-${n}`)])
const apps = [['app-nextcloud', 'bp-cnpg', 'bp-catalyst-platform'], ['app-rocket-chat', 'bp-catalyst-platform'], ['app-formbricks', 'bp-cnpg', 'bp-catalyst-platform']]
export const releases = [...kit, ...apps]

export function flow(done, failed = false) {
  const start = Date.now() - done * 6000
  return {
    id: `flow-${deploymentId}`, kind: 'flow', title: 'Releases', text: `${done} of ${releases.length} releases are installed.`,
    data: {
      flowId: deploymentId, status: failed ? 'failed' : done >= releases.length ? 'succeeded' : 'running',
      nodes: releases.map(([id], i) => ({
        id, label: id.replace(/^(bp|app)-/, ''), family: id.startsWith('app-') ? 'applications' : 'bootstrap',
        status: i < done ? 'succeeded' : i < done + 3 && done > 0 ? (failed && i === done ? 'failed' : 'running') : 'pending',
        ...(i < done ? { startedAt: start + i * 5000, endedAt: start + i * 5000 + 24_000 } : i < done + 3 ? { startedAt: Date.now() - 9000, message: failed && i === done ? 'Helm install failed: timed out waiting for the condition' : 'Pods 1 of 3 ready' } : {}),
      })),
      relationships: releases.flatMap(([id, ...needs]) => needs.map((fromId) => ({ fromId, toId: id, type: 'finish-to-start' }))),
    },
  }
}

export function progress(step, done = 0, status) {
  const ago = (s) => new Date(Date.now() - s * 1000).toISOString()
  const phase = (i, id, label, typicalSeconds, total = 0, count = 0, detail = '') => {
    const failed = status === 'failed' && i === step
    const state = i < step ? 'succeeded' : i > step ? 'pending' : failed ? 'failed' : status === 'cancelled' ? 'cancelled' : 'running'
    return {
      id, label, state, total, done: i < step ? total : i > step ? 0 : count, typicalSeconds,
      ...(i <= step ? { startedAt: ago((step - i) * 60 + 75) } : {}), ...(i < step ? { finishedAt: ago((step - i) * 60 + 12) } : {}),
      ...(detail ? { detail } : {}),
    }
  }
  const real = status ?? ['tofu-applying', 'tofu-applying', 'flux-bootstrapping', 'phase1-watching', 'phase1-watching'][step] ?? 'ready'
  return {
    id: `progress-${deploymentId}`, kind: 'progress', title: fqdn, text: `${fqdn}: ${real}`,
    data: {
      deploymentId, status: real, simulated: true, cancellable: !['ready', 'failed', 'cancelled'].includes(real),
      phases: [
        phase(0, 'approve', 'Checking the approved plan', 5),
        phase(1, 'servers', 'Creating servers and network', 70, 11, 7, 'Worker 2 (cpx42) is starting'),
        phase(2, 'cluster', 'Starting the cluster', 60, 0, 0, 'Waiting for the first server to call home'),
        phase(3, 'platform', 'Installing the platform', 180, 35, Math.min(done, 34), status === 'failed' ? 'bp-harbor: Helm install failed' : 'bp-keycloak: pods 1 of 3 ready'),
        phase(4, 'apps', 'Installing your apps', 90, 3, Math.max(0, done - 35)),
      ],
    },
  }
}

export const ready = {
  id: `ready-${deploymentId}`, kind: 'link', title: 'Your Sovereign is ready', text: 'Your Sovereign is ready. Enter signs you in as founder@alnoor.example.',
  data: { links: [
    { label: `Enter ${fqdn}`, url: `/deployments/${deploymentId}/enter`, primary: true, detail: 'Signs you in. The link is for you alone.' },
    { label: 'Nextcloud', url: `https://nextcloud.${fqdn}`, detail: `nextcloud.${fqdn}` },
    { label: 'Rocket.Chat', url: `https://chat.${fqdn}`, detail: `chat.${fqdn}` },
    { label: 'Formbricks', url: `https://forms.${fqdn}`, detail: `forms.${fqdn}` },
  ] },
}

export const notices = [
  { id: 'n-secret', kind: 'notice', title: 'A credential was caught', text: 'What looked like an API token went to the vault. The conversation shows it as •••.', data: { level: 'warning' } },
  { id: 'n-model', kind: 'notice', text: 'The language model did not answer. The built-in concierge goes on.', data: { level: 'info' } },
  { id: 'n-error', kind: 'error', title: 'The plan could not be made', text: 'The plan could not be made: 2 problems.', data: { level: 'error', violations: [
    { path: 'regions[0].workerSize', message: 'cpx42 is sold out in Helsinki.', suggestion: 'Choose cpx32, or Falkenstein.' },
    { path: 'orgEmail', message: 'An e-mail address of the owner is needed.' },
  ] } },
  { id: 'n-new', kind: 'hologram', title: 'A kind from the future', text: 'It is shown as its text, with **all** that it says.', data: { level: 3 } },
]
