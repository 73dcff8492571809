'use strict';
'require view';
'require form';
'require fs';
'require leash.widgets as widgets';
'require leash.words as words';

/* The ways to send an alert: what each is called, where it goes, and what that looks like (as src/live/notify.rs). */
const WAYS = {
	'ntfy': [ _('ntfy: a message to your phone'), 'https://ntfy.sh/…', /^(https?:\/\/.*|[\w-]+)$/ ],
	'mail': [ _('mail'), 'anna@example.org', /@/ ],
	'mqtt': [ _('MQTT: JSON to a broker'), 'mqtt://user:password@192.168.1.5/leash', /./ ],
	'webhook': [ _('webhook: JSON by POST'), 'https://…', /^https?:\/\// ]
};
const PLACEHOLDER = /CHANGE-ME|you@example\.com/;
const MOST_BYTES = 512;

/* The kinds of records. */
const KINDS = {
	'block': _('an address is blocked'),
	'finding': _('something is found'),
	'device': _('a device is new'),
	'report': _('the report of a week'),
	'end': _('a block ends'),
	'unblock': _('somebody ends a block'),
	'pin': _('somebody allows or blocks'),
	'mode': _('a mode is set'),
	'name': _('a name is given'),
	'blocking': _('blocking is switched'),
	'forget': _('a device is forgotten')
};
const USUAL = [ 'block', 'finding', 'device', 'report' ];

/* What the web server lets those run who may change leash, and nothing else of leash. */
const TEST = [ '/usr/sbin/leash', [ '--json', 'notify', '--test' ] ];

/* Returns whether a section can be sent there. */
function fits(via, to) {
	const [ , , pattern ] = WAYS[via] || WAYS.ntfy;
	return pattern.test(to) && !PLACEHOLDER.test(to) && new Blob([ to ]).size <= MOST_BYTES;
}

function resultRow({ name, error }) {
	const said = error ? words.sentence(error, 200) : _('sent');
	return E('li', {}, [ error ? widgets.badge('error') : '✓', ' ', `${words.clean(name, 80)}: ${said}` ]);
}

return view.extend({
	/* Tries all alerts, and shows how that went. */
	test(button) {
		button.disabled = true;
		this.said.show(_('Sending…'), text => E('p', {}, [ text ]));
		return fs.exec(...TEST).then(({ code, stdout, stderr }) => {
			if (!stdout) throw new Error(words.clean(stderr || _('leash failed (%s).').format(code), 800));
			const { results, problems } = JSON.parse(stdout);
			const errors = (stderr || '').trim().split('\n').map(line => words.clean(line, 200)).join('\n');
			const rows = () => [
				...results.map(resultRow),
				...problems.map(problem => E('li', {}, [ widgets.badge('error'), ' ', words.sentence(problem, 200) ]))
			];
			this.said.show({ results, problems, errors }, () => [
				results.length + problems.length
					? E('ul', {}, [ ...rows() ])
					: E('p', {}, [ _('There is no alert yet. What you added takes effect with Save & Apply.') ]),
				errors ? E('pre', {}, [ errors ]) : ''
			]);
		}).catch(error => this.said.show(error.message, text => E('p', {}, [ text ])))
			.then(() => button.disabled = false);
	},

	/* Returns the form. Its sections are in a file of their own, which only root and who may write leash can read. */
	form() {
		const m = new form.Map('leash-alerts', _('Alerts'),
			_('Where leash sends what happens. ' +
				'Topics, addresses and passwords stay in a file that only root can read.'));
		const s = m.section(form.GridSection, 'alert');
		s.anonymous = true;
		s.addremove = true;
		s.nodescriptions = true;
		let o = s.option(form.ListValue, 'via', _('By'));
		for (const via in WAYS)
			o.value(via, WAYS[via][0]);

		o = s.option(form.Value, 'to', _('To'),
			_('ntfy: a topic that nobody can guess, or its URL. Mail: an address. Webhook: a URL. MQTT: a broker, ' +
				'or mqtt://USER:PASSWORD@BROKER:PORT/TOPIC.'));
		o.rmempty = false;
		o.placeholder = WAYS.ntfy[1];
		o.validate = function(section, to) {
			const via = this.section.formvalue(section, 'via') || 'ntfy';
			return fits(via, to) || _('Such as %s').format(WAYS[via][1]);
		};

		o = s.option(form.MultiValue, 'kinds', _('What'));
		for (const kind in KINDS)
			o.value(kind, KINDS[kind]);
		o.default = USUAL;
		o.textvalue = function(section) {
			const kinds = [].concat(this.cfgvalue(section) || USUAL).join(' ').split(' ');
			return '%h'.format(words.list(kinds.map(kind => KINDS[kind] || words.clean(kind, 20)), 11));
		};
		return m;
	},

	render() {
		const style = E('link', { 'rel': 'stylesheet', 'href': L.resource('leash/leash.css') }, []);
		if (!widgets.mayWrite()) {
			this.handleSave = this.handleSaveApply = this.handleReset = null;
			return widgets.page(_('Alerts'), [
				E('p', {}, [ _('Where alerts go is shown to those who may change leash.') ])
			]);
		}
		this.said = widgets.live(E('div', { 'aria-live': 'polite' }, []));
		const button = widgets.button(_('Send a test'), ev => this.test(ev.currentTarget), 'action');
		return this.form().render().then(map => E('div', {}, [
			style,
			map,
			E('div', { 'class': 'leash cbi-section' }, [
				E('p', {}, [ _('A test sends an example to each alert that is saved and applied.') ]),
				button,
				this.said
			])
		]));
	}
});
