'use strict';
'require view';
'require form';
'require leash.api as api';
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
		return api.detectors().catch(() => ({ detectors: [] }));
	},

	render({ detectors }) {
		const m = new form.Map('leash', _('Settings'),
			_('leash watches and shows without any of these. ' +
				'Blocks come only at devices in mode guard or local, and where you decided so yourself.'));
		let s, o;

		s = m.section(form.NamedSection, 'main', 'leash');
		s.addremove = false;
		s.tab('main', _('General'));
		s.tab('more', _('More'));

		o = s.taboption('main', form.Flag, 'enabled', _('Run'), _('leash runs, also after a restart of the router.'));
		o.default = o.enabled;
		o.rmempty = false;

		o = s.taboption('main', form.Flag, 'blocking', _('Blocking'),
			_('Off: leash shows what it would block, and blocks nothing.'));
		o.default = o.enabled;
		o.rmempty = false;

		o = s.taboption('main', form.ListValue, 'default_mode', _('Mode of new devices'),
			_('What may be done to a device that has no mode of its own.'));
		for (const mode in words.MODES)
			o.value(mode, '%s: %s'.format(...words.MODES[mode]));
		o.default = 'observe';

		o = s.taboption('main', form.Value, 'block_for', _('Blocks last'),
			_('How long a block holds that leash decided, such as 10m, 2h or 7d.'));
		o.placeholder = '1d';
		o.validate = matches(SPAN, _('A number and s, m, h or d'));

		o = s.taboption('main', form.MultiValue, 'block_on', _('Enough alone'),
			_('A block needs two kinds of evidence. ' +
				'One of these is enough by itself then: leash blocks sooner, and errs more often.'));
		for (const detector of detectors)
			o.value(detector.name, words.clean(words.translate(detector.about), 44));

		o = s.taboption('main', form.ListValue, 'on_stop', _('When leash is stopped'));
		o.value('open', _('nothing is blocked any longer'));
		o.value('keep', _('blocks stay in force'));
		o.default = 'open';

		o = s.taboption('more', form.Value, 'quiet_hours', _('When people sleep'),
			_('Sending much is suspect sooner then. Local time.'));
		o.placeholder = '23:00-06:00';
		o.validate = matches(HOURS, _('Such as 23:00-06:00'));

		o = s.taboption('more', form.DynamicList, 'private', _('Private words'),
			_('Words that nobody outside should read, such as the name of your wireless network.'));

		o = s.taboption('more', form.Flag, 'reject', _('Refuse'),
			_('A blocked device is told so at once. Off: it hears nothing, and tries for longer.'));
		o.default = o.enabled;
		o.rmempty = false;

		o = s.taboption('more', form.DynamicList, 'interface', _('Interfaces of the home'),
			_('The side of the router where the devices are; br-lan if there is none here.'));
		o.placeholder = 'br-lan';

		o = s.taboption('more', form.Value, 'query_log', _('Log of lookups'),
			_('dnsmasq’s, where the kernel cannot tell of lookups. See Doctor.'));
		o.placeholder = '/tmp/leash-queries.log';
		o.datatype = 'file';
		o.optional = true;

		s = m.section(form.GridSection, 'device', _('Devices'),
			_('What you call a device, and what may be done to it.'));
		s.anonymous = true;
		s.addremove = true;
		s.nodescriptions = true;

		o = s.option(form.Value, 'mac', _('Hardware address'));
		o.rmempty = false;
		o.validate = (_section, value) => MAC.test(value) ? true : _('Such as 02:00:00:00:00:20');

		s.option(form.Value, 'name', _('Name'));

		o = s.option(form.ListValue, 'mode', _('Mode'));
		o.value('', _('as new devices'));
		for (const mode in words.MODES)
			o.value(mode, words.MODES[mode][0]);

		s = m.section(form.GridSection, 'pin', _('Decisions'),
			_('A verdict of yours beats what leash finds; the first that fits counts.'));
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
