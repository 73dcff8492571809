'use strict';
'require view';
'require form';
'require uci';
'require leash.api as api';
'require leash.icons as icons';
'require leash.words as words';

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
const SPAN = /^\d+(s|m|h|d)$/;
const HOURS = /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/;

/* Returns a check of an option's value, which may be empty. */
function matches(pattern, advice) {
	return (_section, value) => !value || pattern.test(value) ? true : advice;
}

return view.extend({
	load() {
		return Promise.all([
			api.detectors().catch(() => ({ detectors: [] })),
			api.status().catch(() => ({}))
		]);
	},

	render([ { detectors }, { health } ]) {
		const { interfaces = [], left_out = [] } = (health || {}).lan || {};
		const m = new form.Map('leash', _('Settings'),
			_('leash works without any changes here. ' +
				'It blocks only for devices in mode guard or local, and what you block yourself.'));
		let s, o;

		s = m.section(form.NamedSection, 'main', 'leash');
		s.addremove = false;
		s.tab('main', _('General'));
		s.tab('more', _('More'));

		o = s.taboption('main', form.Flag, 'enabled', _('Enabled'), _('leash runs, and starts with the router.'));
		o.default = o.enabled;
		o.rmempty = false;

		o = s.taboption('main', form.Flag, 'blocking', _('Blocking'),
			_('Off: leash shows what it would block, and blocks nothing.'));
		o.default = o.enabled;
		o.rmempty = false;

		o = s.taboption('main', form.ListValue, 'default_mode', _('Mode of new devices'),
			_('The mode of devices that have none of their own.'));
		for (const mode in words.MODES)
			o.value(mode, '%s: %s'.format(...words.MODES[mode]));
		o.default = 'observe';

		o = s.taboption('main', form.Value, 'block_for', _('Duration of blocks'),
			_('How long an automatic block lasts, such as 10m, 2h or 7d.'));
		o.placeholder = '1d';
		o.validate = matches(SPAN, _('A number followed by s, m, h or d'));

		o = s.taboption('main', form.MultiValue, 'block_on', _('Sufficient evidence'),
			_('A block takes two kinds of evidence. ' +
				'Each of those chosen here suffices by itself: leash blocks sooner, and errs more often.'));
		for (const detector of detectors)
			o.value(detector.name, words.clean(words.translate(detector.about), 44));

		o = s.taboption('main', form.ListValue, 'on_stop', _('When leash is stopped'));
		o.value('open', _('nothing is blocked any longer'));
		o.value('keep', _('blocks stay in force'));
		o.default = 'open';

		o = s.taboption('more', form.Value, 'quiet_hours', _('Quiet hours'),
			_('When people sleep, in local time. Large uploads are suspicious sooner then.'));
		o.placeholder = '23:00-06:00';
		o.validate = matches(HOURS, _('Such as 23:00-06:00'));

		o = s.taboption('more', form.DynamicList, 'private', _('Private words'),
			_('Words that nobody outside should read, such as the name of your wireless network.'));

		o = s.taboption('more', form.Flag, 'reject', _('Reject'),
			_('A blocked device learns of it at once. Off: its packets are dropped, and it tries for longer.'));
		o.default = o.enabled;
		o.rmempty = false;

		o = s.taboption('more', form.DynamicList, 'interface', _('LAN interfaces'),
			_('Where the devices are. Empty: all networks that the firewall lets into the Internet.'));
		o.placeholder = interfaces.join(', ') || 'br-lan';

		for (const name of left_out) {
			o = s.taboption('more', form.Button, '_watch_' + name.replace(/\W/g, '_'),
				_('Not watched: %s').format(name),
				_('Its devices use the Internet through this router, and leash does not see them.'));
			o.inputtitle = _('Watch %s').format(name);
			o.inputstyle = 'apply';
			o.depends({ interface: name, '!contains': true, '!reverse': true });
			/* What is listed then is what is watched, so what is watched already is listed, too. */
			o.onclick = () => m.save(() => {
				const listed = [].concat(uci.get('leash', 'main', 'interface') || interfaces);
				uci.set('leash', 'main', 'interface', [ ...new Set([ ...listed, name ]) ]);
			}, true);
		}

		o = s.taboption('more', form.Value, 'query_log', _('Query log'),
			_('dnsmasq’s log of lookups, where the kernel cannot deliver them. See Doctor.'));
		o.placeholder = '/tmp/leash-queries.log';
		o.datatype = 'file';
		o.optional = true;

		s = m.section(form.GridSection, 'device', _('Devices'),
			_('What a device is called, and what may be done to it.'));
		s.anonymous = true;
		s.addremove = true;
		s.nodescriptions = true;

		// A device has several where it is wired and wireless.
		o = s.option(form.DynamicList, 'mac', _('Hardware address'));
		o.rmempty = false;
		o.datatype = 'macaddr';

		s.option(form.Value, 'name', _('Name'));

		o = s.option(form.ListValue, 'mode', _('Mode'));
		o.value('', _('as for new devices'));
		for (const mode in words.MODES)
			o.value(mode, words.MODES[mode][0]);

		o = s.option(form.ListValue, 'type', _('Type'));
		o.value('', _('as leash sees it'));
		for (const [ type, name ] of icons.types)
			o.value(type, name);
		o.modalonly = true;

		s.option(form.Value, 'group', _('Group'));

		s = m.section(form.GridSection, 'group', _('Groups'),
			_('One mode for all devices of a group, such as a room, that have none of their own.'));
		s.anonymous = true;
		s.addremove = true;
		s.nodescriptions = true;

		o = s.option(form.Value, 'name', _('Group'));
		o.rmempty = false;

		o = s.option(form.ListValue, 'mode', _('Mode'));
		for (const mode in words.MODES)
			o.value(mode, words.MODES[mode][0]);

		s = m.section(form.GridSection, 'pin', _('Decisions'),
			_('Your decisions take precedence over what leash finds. The first that matches counts.'));
		s.anonymous = true;
		s.addremove = true;
		s.sortable = true;
		s.nodescriptions = true;

		o = s.option(form.ListValue, 'verdict', _('Decision'));
		o.value('block', _('block'));
		o.value('allow', _('allow'));

		o = s.option(form.Value, 'name', _('Name'), _('And all names below it.'));
		o.placeholder = 'vendor.example';

		o = s.option(form.Value, 'address', _('or address'), _('An address or a prefix.'));
		o.datatype = 'or(ipaddr, cidr)';

		o = s.option(form.Value, 'mac', _('Device'), _('Its hardware address; empty: all devices.'));
		o.validate = matches(MAC, _('Such as 02:00:00:00:00:20'));

		o = s.option(form.Value, 'until', _('Until'), _('In UTC; empty: for ever.'));
		o.placeholder = '2030-12-31 18:00';
		o.modalonly = true;

		return m.render();
	}
});
