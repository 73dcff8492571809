'use strict';
'require baseclass';
'require leash.api as api';
'require leash.parts as parts';

return baseclass.extend({
	title: _('Leash'),

	load() {
		return Promise.all([ api.status(), api.devices() ]).catch(() => null);
	},

	render(answers) {
		if (!answers) return null;
		const [ status, { devices } ] = answers;
		const odd = devices.filter(device => device.verdict != 'allow');
		const line = (title, children) => E('tr', { 'class': 'tr' }, [ E('td', { 'class': 'td left', 'width': '33%' }, [ parts.text(title) ]), E('td', { 'class': 'td left' }, children) ]);
		return E('div', { 'class': 'leash' }, [
			E('link', { 'rel': 'stylesheet', 'href': L.resource('leash/leash.css') }),
			E('table', { 'class': 'table' }, [
				line(_('Devices'), [ parts.text(_('%d, %d of them calm').format(devices.length, devices.length - odd.length)) ]),
				line(_('Blocking'), [ parts.text(status.blocking ? _('on, %d destinations now').format(status.blocks) : _('off')) ])
			].concat(odd.slice(0, 4).map(device => line(parts.called(device), [ parts.word(device.verdict), parts.text(' ' + parts.does(device)[0] + ' '), parts.link(device.mac, _('look')) ]))))
		]);
	}
});
